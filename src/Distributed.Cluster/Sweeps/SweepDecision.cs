using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps;

/// <summary>
/// A decision about a sweep, or a fact that it needs to remember. All of them in their order are
/// all that is known of it: whoever reads them goes on where the last one stood.
/// </summary>
/// <param name="Sweep">Drawn by the submitter; 0 is no sweep.</param>
/// <param name="Sequence">From 0, without a gap.</param>
public abstract record SweepDecision(ulong Sweep, long Sequence);

public sealed record SweepSubmitted(ulong Sweep, SweepDescription Description)
    : SweepDecision(Sweep, 0);

/// <summary>A trial is to be run.</summary>
/// <param name="Trial">From 0.</param>
/// <param name="AtUnixMs">Since 1970, UTC; like all times here for people only, but for the
/// sweep's limit of duration.</param>
public sealed record TrialSuggested(
    ulong Sweep, long Sequence, int Trial, IReadOnlyList<ParameterValue> Parameters,
    string Reason, long AtUnixMs) : SweepDecision(Sweep, Sequence);

/// <summary>What the network of a trial is, once it was made.</summary>
/// <param name="ParameterCount">How many numbers it learns.</param>
/// <param name="Flops">Floating-point operations to classify one image.</param>
public sealed record TrialSized(
    ulong Sweep, long Sequence, int Trial, long ParameterCount, long Flops)
    : SweepDecision(Sweep, Sequence);

/// <summary>A trial gets a job that brings it to the end of an epoch.</summary>
/// <param name="Leg">Of the trial, from 1; each has a job of its own.</param>
/// <param name="UntilEpoch">Where the job ends.</param>
/// <param name="Source">The trial whose state after <paramref name="SourceEpoch"/> the leg starts
/// from, unless it has one of its own that is newer; -1: its own, wherever that stands.</param>
public sealed record LegStarted(
    ulong Sweep, long Sequence, int Trial, int Leg, int UntilEpoch, int Source, int SourceEpoch)
    : SweepDecision(Sweep, Sequence);

public sealed record LegEnded(ulong Sweep, long Sequence, int Trial, int Leg, LegOutcome Outcome)
    : SweepDecision(Sweep, Sequence);

/// <summary>The scheduler lets a trial go on beyond a rung.</summary>
/// <param name="Source">The trial whose state it takes over; -1: it keeps its own.</param>
/// <param name="Parameters">From here on.</param>
public sealed record TrialContinued(
    ulong Sweep, long Sequence, int Trial, int Epoch, int Source,
    IReadOnlyList<ParameterValue> Parameters, string Reason) : SweepDecision(Sweep, Sequence);

public sealed record TrialEnded(
    ulong Sweep, long Sequence, int Trial, TrialEnd End, string Reason, long AtUnixMs)
    : SweepDecision(Sweep, Sequence);

/// <summary>A trial that failed is tried once more, because somebody asked for it.</summary>
public sealed record TrialRetried(ulong Sweep, long Sequence, int Trial)
    : SweepDecision(Sweep, Sequence);

/// <summary>No trial goes on until the sweep is resumed; those that run save their state.</summary>
public sealed record SweepPaused(ulong Sweep, long Sequence, string Reason)
    : SweepDecision(Sweep, Sequence);

public sealed record SweepResumed(ulong Sweep, long Sequence) : SweepDecision(Sweep, Sequence);

/// <summary>No trial is begun any more; those that run save their state and end.</summary>
public sealed record SweepStopped(ulong Sweep, long Sequence, string Reason)
    : SweepDecision(Sweep, Sequence);

public sealed record TrialsAdded(ulong Sweep, long Sequence, int Count)
    : SweepDecision(Sweep, Sequence);

/// <summary>A worker on which trials fail again and again gets no more of them.</summary>
public sealed record WorkerBenched(ulong Sweep, long Sequence, string Worker, string Reason)
    : SweepDecision(Sweep, Sequence);

public sealed record SweepEnded(ulong Sweep, long Sequence, string Reason, long AtUnixMs)
    : SweepDecision(Sweep, Sequence);

/// <summary>How a trial ended.</summary>
public enum TrialEnd
{
    Completed,

    /// <summary>The scheduler stopped it.</summary>
    Stopped,
    Failed,

    /// <summary>The sweep was stopped.</summary>
    Cancelled,
}

/// <summary>How a leg ended.</summary>
public enum LegEnd
{
    /// <summary>At the epoch that it was for.</summary>
    Reached,

    /// <summary>Before, with its state saved, because it was told to.</summary>
    Interrupted,

    /// <summary>Something broke; the trial may go on from its last checkpoint.</summary>
    Broken,

    /// <summary>No worker could be had: nothing speaks against the trial.</summary>
    NotRun,

    /// <summary>There is no room on a disk: no trial could go on.</summary>
    DiskFull,

    /// <summary>Its loss was not a number, or its parameters make no network: it would fail
    /// again.</summary>
    Hopeless,
}

/// <param name="Result">After the last epoch that the trial has come to; null before the
/// first.</param>
/// <param name="Worker">The worker whose fault it was; empty where nobody's.</param>
/// <param name="Message">Why it broke; empty where it did not.</param>
public sealed record LegOutcome(LegEnd End, TrialResult? Result, string Worker, string Message);

/// <summary>What is known of a trial after an epoch.</summary>
/// <param name="ImagesPerSecond">Of training, while the last leg ran.</param>
/// <param name="Seconds">Of all its legs together, waiting for workers included.</param>
/// <param name="ParametersSha256">Of its final parameters; empty before the end.</param>
public sealed record TrialResult(
    int Epoch, double TrainLoss, double TrainAccuracy, double TestLoss, double TestAccuracy,
    double ImagesPerSecond, double Seconds, string ParametersSha256);
