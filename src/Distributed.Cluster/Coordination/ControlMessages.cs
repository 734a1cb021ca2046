using Distributed.Cluster.Jobs;

namespace Distributed.Cluster.Coordination;

/// <summary>What a worker sends over its control stream, after its introduction.</summary>
public abstract record WorkerMessage;

/// <summary>A sign of life; any other message is one too.</summary>
public sealed record Heartbeat : WorkerMessage
{
    public static Heartbeat Instance { get; } = new();
}

/// <summary>The worker wants to go, within its grace: hand its work over and let it go.</summary>
public sealed record LeaveRequest(string Reason) : WorkerMessage;

/// <summary>Where the worker stands with its job.</summary>
public sealed record WorkReported(WorkState State) : WorkerMessage;

/// <summary>
/// The worker has not that job; with job 0, said after each Welcome by a worker without a job, it
/// has none.
/// </summary>
public sealed record WorkForgotten(ulong Job) : WorkerMessage;

/// <summary>
/// A report that the worker keeps until it is on record. Sequences count from 1 in its life.
/// </summary>
public sealed record ReportSent(long Sequence, JobReport Report) : WorkerMessage;

/// <summary>
/// Answers a BenchOrdered. A worker that is benched says it again after each Welcome, before
/// anything else, so that a coordinator which has just taken over gives it no work.
/// </summary>
/// <param name="Reason">Empty where it may get work.</param>
public sealed record Benched(string Reason) : WorkerMessage;

/// <summary>How the worker is; sent about once a second, and lost where it cannot be.</summary>
public sealed record VitalsReported(WorkerVitals Vitals) : WorkerMessage;

/// <summary>A line of the worker's log; lost where it cannot be sent.</summary>
public sealed record LogReported(WorkerLogLine Line) : WorkerMessage;

/// <summary>Something that the run shows; lost where it cannot be sent.</summary>
public sealed record AttachmentSent(ulong Job, int Generation, RunAttachment Attachment)
    : WorkerMessage;

/// <summary>What a coordinator sends over a worker's control stream.</summary>
public abstract record CoordinatorMessage;

/// <summary>The worker is a member; orders come from the coordinator of this term.</summary>
public sealed record Welcome(long Term) : CoordinatorMessage;

/// <summary>This coordinator does not act; the one at that address does, if any is known.</summary>
public sealed record NotLeader(string LeaderAddress) : CoordinatorMessage;

/// <summary>
/// The worker's incarnation is no member any more: what it holds is stale, and it may come back as
/// a new one. After a LeaveRequest it may go.
/// </summary>
public sealed record Removed(string Reason) : CoordinatorMessage;

/// <summary>Answers every heartbeat.</summary>
public sealed record HeartbeatAnswer : CoordinatorMessage
{
    public static HeartbeatAnswer Instance { get; } = new();
}

/// <summary>All reports of the job up to this one are on record.</summary>
/// <param name="Job">The job.</param>
/// <param name="Sequence">Of the last one.</param>
/// <param name="CheckpointStep">Of the newest checkpoint that counts, whoever wrote it: it stays
/// until a newer one does.</param>
public sealed record ReportsRecorded(ulong Job, long Sequence, long CheckpointStep)
    : CoordinatorMessage;

/// <summary>An order about a job.</summary>
public sealed record Ordered(JobOrder Order) : CoordinatorMessage;

/// <summary>The worker is to leave, as if its process had been asked to stop.</summary>
public sealed record LeaveOrdered(string Reason) : CoordinatorMessage;

/// <summary>The worker gets no job from now on; with an empty reason it may get one
/// again.</summary>
public sealed record BenchOrdered(string Reason) : CoordinatorMessage;
