using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;

namespace Distributed.Cluster.Observers;

/// <summary>
/// What a coordinator shows of its cluster, published on its event stream beside the
/// <see cref="Membership.MembershipEvent"/>s. Nothing depends on who listens: an observer that
/// misses some knows less, and no more happens.
/// </summary>
public abstract record ClusterObservation;

/// <summary>This coordinator acts, or stands by.</summary>
/// <param name="Term">0 where it stands by.</param>
/// <param name="LeaderAddress">Of the one that acts; empty where none is known.</param>
public sealed record LeadershipObserved(long Term, string LeaderAddress, string Reason)
    : ClusterObservation;

/// <summary>What a member works on has changed.</summary>
/// <param name="Job">0 while it is idle.</param>
/// <param name="Phase">What it does with its job; empty while it is idle.</param>
/// <param name="Device">Empty before it has prepared a job.</param>
/// <param name="BenchReason">Why it gets no job; empty where it may get one.</param>
public sealed record WorkerObserved(
    WorkerIdentity Worker, ulong Job, string Phase, long Step, string Device, string BenchReason)
    : ClusterObservation;

public sealed record VitalsObserved(ulong Incarnation, WorkerVitals Vitals) : ClusterObservation;

/// <summary>A line of a worker's log.</summary>
public sealed record WorkerLogged(WorkerIdentity Worker, WorkerLogLine Line) : ClusterObservation;

/// <summary>A job is taken on, by its first coordinator or by the next one.</summary>
/// <param name="Sweep">Whose trial it is; 0 where of none.</param>
public sealed record JobObserved(ulong Job, JobDescription Description, ulong Sweep)
    : ClusterObservation;

/// <summary>Something has happened in a job; its outcome comes last.</summary>
public sealed record JobHappened(ulong Job, RunEvent Event) : ClusterObservation;

public sealed record JobStatusObserved(JobStatus Status) : ClusterObservation;

/// <summary>Who computes what from now on.</summary>
public sealed record GenerationObserved(Generation Generation, string Reason) : ClusterObservation;

/// <summary>Steps as one of a job's workers saw them.</summary>
public sealed record StepsObserved(
    ulong Job, ulong Incarnation, int Rank, int Generation, IReadOnlyList<StepRecord> Steps)
    : ClusterObservation;

/// <summary>Durable decisions about a sweep, without a gap; all of them where it is taken
/// on.</summary>
public sealed record SweepObserved(IReadOnlyList<SweepDecision> Decisions) : ClusterObservation;

/// <summary>How far a trial that runs has come.</summary>
public sealed record TrialObserved(ulong Sweep, TrialStepped Progress) : ClusterObservation;
