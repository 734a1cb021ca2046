using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;

namespace Distributed.Simulation.Training;

/// <summary>What workers send each other.</summary>
internal abstract record Frame(ulong Job, int Generation);

/// <summary>The sender has taken its place.</summary>
internal sealed record Hello(ulong Job, int Generation, int Rank) : Frame(Job, Generation);

/// <summary>A rank's share of a step.</summary>
/// <param name="Sums">Over its shards. Not to be written to.</param>
/// <param name="IsVoid">For the checks alone.</param>
internal sealed record Contribution(
    ulong Job, int Generation, int Rank, long Step, ShardRange Shards, SampleRange Samples,
    long[] Sums, StepVotes Votes, bool IsVoid) : Frame(Job, Generation);

/// <summary>A rank's share of an evaluation.</summary>
internal sealed record EvaluationShare(
    ulong Job, int Generation, int Rank, int Epoch, IReadOnlyList<TestBatchResult> Batches)
    : Frame(Job, Generation);

/// <summary>Asks for the state after a step.</summary>
internal sealed record CopyRequest(ulong Job, int Generation, long Step) : Frame(Job, Generation);

/// <param name="Values">Null where the state was not to be had.</param>
/// <param name="IsVoid">For the checks alone.</param>
internal sealed record CopyAnswer(
    ulong Job, int Generation, long Step, long[]? Values, bool IsVoid)
    : Frame(Job, Generation);
