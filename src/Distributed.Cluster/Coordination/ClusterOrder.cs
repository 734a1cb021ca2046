namespace Distributed.Cluster.Coordination;

/// <summary>
/// What a person wants of the cluster; the coordinator answers with a
/// <see cref="ClusterOrderReply"/>, or with <see cref="CoordinatorStandsBy"/>.
/// </summary>
public abstract record ClusterOrder;

/// <summary>
/// An order was taken, or why it was not. What is to last, such as a pause, survives this
/// coordinator; a checkpoint that is asked for just before its coordinator dies may have to be
/// asked for again.
/// </summary>
/// <param name="Message">What happens now, or what was expected.</param>
public sealed record ClusterOrderReply(bool Taken, string Message);

/// <summary>All ranks stop after the same step and wait, their state in place.</summary>
public sealed record PauseJob(ulong Job, string Reason) : ClusterOrder;

public sealed record ResumeJob(ulong Job) : ClusterOrder;

/// <summary>
/// From now on the job asks for so many workers: it gets idle ones, or gives surplus ones back at a
/// step boundary.
/// </summary>
public sealed record ScaleJob(ulong Job, int Workers) : ClusterOrder;

/// <summary>A checkpoint of the next step that all ranks agree on.</summary>
public sealed record CheckpointJob(ulong Job) : ClusterOrder;

/// <summary>Has a worker hand its work over and go, as if its process had been asked to stop.
/// </summary>
/// <param name="Worker">Its name or its address.</param>
public sealed record LeaveWorker(string Worker, string Reason) : ClusterOrder;

/// <summary>
/// Takes a worker out at once, as if it had failed: its process, where it lives, gives up its work
/// and joins again as a new incarnation.
/// </summary>
/// <param name="Worker">Its name or its address.</param>
public sealed record DownWorker(string Worker, string Reason) : ClusterOrder;

/// <summary>Takes all workers out that cannot be reached now.</summary>
public sealed record DownUnreachable(string Reason) : ClusterOrder;

/// <summary>
/// Has a worker hand its work over and get none from now on; it stays a member. The worker
/// remembers it until it is unbenched or its process ends.
/// </summary>
/// <param name="Worker">Its name or its address.</param>
public sealed record BenchWorker(string Worker, string Reason) : ClusterOrder;

/// <summary>A worker that was benched may get work again.</summary>
/// <param name="Worker">Its name or its address.</param>
public sealed record UnbenchWorker(string Worker) : ClusterOrder;
