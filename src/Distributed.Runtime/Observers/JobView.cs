using Distributed.Cluster.Jobs;

namespace Distributed.Runtime.Observers;

/// <summary>A job that runs, or has ended not long ago.</summary>
/// <param name="Version">Of its last change.</param>
/// <param name="State">What it does or waits for, in a few words.</param>
/// <param name="Sweep">Whose trial it is; 0 where of none.</param>
/// <param name="Workers">Of its present generation, by rank.</param>
/// <param name="Reason">Why the generation began.</param>
/// <param name="Loss">Of the last step that was told; NaN before the first.</param>
/// <param name="LastEpoch">Null before the first.</param>
/// <param name="Outcome">Null while it goes on.</param>
/// <param name="EndedUtc">Null while it goes on.</param>
public sealed record JobView(
    long Version, ulong Job, JobDescription Description, ulong Sweep, string State, int Generation,
    IReadOnlyList<string> Workers, string Reason, long Step, int Epoch, double Loss,
    double ImagesPerSecond, EpochCompleted? LastEpoch, long CheckpointStep, RunEvent? Outcome,
    DateTimeOffset StartedUtc, DateTimeOffset? EndedUtc);

/// <summary>How a job's figures went, ascending in the step. Steps are thinned out.</summary>
public sealed record JobCurves(
    IReadOnlyList<CurvePoint> Steps, IReadOnlyList<EpochCompleted> Epochs);

public readonly record struct CurvePoint(long Step, double Loss, double ImagesPerSecond);

/// <summary>One step as one rank saw it.</summary>
/// <param name="WaitMs">How long it stood still for others.</param>
public readonly record struct StepTiming(
    string Worker, int Rank, long Step, double ComputeMs, double CommunicationMs, double WaitMs,
    double StepMs);
