using Distributed.Cluster.Coordination;
using Distributed.Collectives.Reduction;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// A worker's place in a generation: its rank and the logical shards it computes.
/// </summary>
public sealed record RankAssignment(int Rank, WorkerIdentity Worker, ShardRange Shards);

/// <summary>Where a generation begins.</summary>
/// <param name="Step">The last committed step: the generation runs those after it.</param>
/// <param name="EpochsEvaluated">Epochs whose evaluation is on record; later ones that are due are
/// evaluated first.</param>
/// <param name="StepSaved">The step of the newest durable checkpoint.</param>
/// <param name="SourceAddress">The data plane of a worker that holds the state after that step and
/// keeps it until all who need it have copied it.</param>
public sealed record StartPoint(
    long Step, int EpochsEvaluated, long StepSaved, string SourceAddress);

/// <summary>One membership of a job: who computes which shards from which step on.</summary>
/// <param name="Number">Grows with every change; an older generation's orders, frames and state
/// are refused.</param>
public sealed record Generation(
    ulong Job, int Number, IReadOnlyList<RankAssignment> Ranks, StartPoint Start)
{
    public ShardMap Map(int shardCount) => new(shardCount, [.. Ranks.Select(rank => rank.Shards)]);

    /// <summary>The rank of that process, or -1.</summary>
    public int RankOf(ulong incarnation)
    {
        for (int rank = 0; rank < Ranks.Count; rank++)
        {
            if (Ranks[rank].Worker.Incarnation == incarnation)
                return rank;
        }

        return -1;
    }
}
