using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>A worker as it introduces itself.</summary>
/// <param name="Incarnation">Drawn at process start, and again when the worker was removed: it then
/// is another member.</param>
/// <param name="Host">The same for workers that can share memory with each other; empty where one
/// cannot.</param>
/// <param name="DataAddress">host:port at which its peers reach its data plane.</param>
/// <param name="Roles">What the worker is for, as its configuration says.</param>
public sealed record WorkerIdentity(
    string Name, ulong Incarnation, string Host, int ProcessId, string DataAddress,
    IReadOnlyList<string> Roles)
{
    /// <summary>Of its program; empty where it is not known.</summary>
    public string Version { get; init; } = "";
}

/// <summary>A worker has connected; it is answered through the link.</summary>
public sealed record WorkerConnected(WorkerIdentity Worker, IControlLink Link);

/// <summary>The worker of that link sent this.</summary>
public sealed record WorkerSent(ulong Incarnation, IControlLink Link, WorkerMessage Message);

/// <summary>The worker's control stream ended.</summary>
public sealed record WorkerDisconnected(ulong Incarnation, IControlLink Link, string Reason);

/// <summary>
/// Run this job; <see cref="RunEvent"/>s go to the watcher, beginning with JobAccepted, which comes
/// once the job is durable. The submitter draws the job's number, so that the same submission twice
/// is one job.
/// </summary>
public sealed record SubmitJob(ulong Job, JobDescription Description, IActorRef Watcher)
{
    /// <summary>The sweep whose trial it is; 0 where it is of none.</summary>
    public ulong Sweep { get; init; }
}

/// <summary>
/// Watch a job that was accepted before; epochs beyond those that the watcher has seen are told
/// again. A job that has ended answers with its outcome.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="EpochsSeen">The last epoch that the watcher has seen.</param>
/// <param name="ReturnsSeen">Of the last <see cref="RunReturned"/> that it has seen; 0 where
/// none.</param>
/// <param name="Watcher">Is told.</param>
public sealed record WatchJob(ulong Job, int EpochsSeen, int ReturnsSeen, IActorRef Watcher);

/// <summary>The watcher has gone.</summary>
public sealed record WatcherGone(ulong Job, IActorRef Watcher);

/// <summary>Stop the job after a step on which all ranks agree, with its state saved.</summary>
public sealed record StopJob(ulong Job, string Reason);

/// <summary>Whether a StopJob found its job.</summary>
public sealed record StopJobReply(bool Found);

/// <summary>
/// Answers a command, or tells a watcher, that this coordinator does not act.
/// </summary>
public sealed record CoordinatorStandsBy(string LeaderAddress);

/// <summary>Ask for the cluster's state; answered with ClusterStatus.</summary>
public sealed record GetStatus;

/// <summary>What the coordinator knows.</summary>
/// <param name="Term">0 where this coordinator does not act.</param>
/// <param name="LeaderAddress">Of the coordinator that acts; empty where none is known.</param>
public sealed record ClusterStatus(
    long Term, string LeaderAddress, IReadOnlyList<WorkerStatus> Workers,
    IReadOnlyList<JobStatus> Jobs);

/// <summary>A worker that is a member; <paramref name="Job"/> is 0 while it is idle.</summary>
/// <param name="Status">Its status in the membership, for people.</param>
/// <param name="Phase">What it does with its job; empty while it is idle.</param>
public sealed record WorkerStatus(
    WorkerIdentity Worker, string Status, bool Unreachable, ulong Job, string Phase, long Step);

/// <summary>A job that has not ended.</summary>
public sealed record JobStatus(
    ulong Job, string Name, string State, int Generation, long Step, long StepsTotal);
