using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>A worker as it introduces itself.</summary>
/// <param name="Incarnation">Drawn at process start: a restarted worker is another
/// incarnation.</param>
/// <param name="DataAddress">host:port at which its peers reach its data plane.</param>
public sealed record WorkerIdentity(
    string Name, ulong Incarnation, int ProcessId, string DataAddress);

/// <summary>A worker has connected; orders to it go to <paramref name="Link"/>.</summary>
public sealed record WorkerConnected(WorkerIdentity Worker, IActorRef Link);

/// <summary>The worker's control stream ended.</summary>
public sealed record WorkerDisconnected(ulong Incarnation, string Reason);

/// <summary>A report from a worker's control stream.</summary>
public sealed record ReportReceived(ulong Incarnation, JobReport Report);

/// <summary>
/// Run this job; <see cref="RunEvent"/>s go to the watcher, beginning with JobAccepted.
/// </summary>
public sealed record SubmitJob(JobDescription Description, IActorRef Watcher);

/// <summary>Stop the job after a step on which all ranks agree, with its state saved.</summary>
public sealed record StopJob(ulong Job, string Reason);

/// <summary>Whether a StopJob found its job.</summary>
public sealed record StopJobReply(bool Found);

/// <summary>Ask for the cluster's state; answered with ClusterStatus.</summary>
public sealed record GetStatus;

/// <summary>What the coordinator knows.</summary>
public sealed record ClusterStatus(
    IReadOnlyList<WorkerStatus> Workers, IReadOnlyList<JobStatus> Jobs);

/// <summary>A connected worker; <paramref name="Job"/> is 0 while it is idle.</summary>
public sealed record WorkerStatus(WorkerIdentity Worker, ulong Job);

/// <summary>A job that has not ended.</summary>
public sealed record JobStatus(ulong Job, string Name, string State, long Step, long StepsTotal);

/// <summary>A job actor tells the coordinator that its workers are free again.</summary>
internal sealed record JobEnded(ulong Job);
