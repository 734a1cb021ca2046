using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// The coordinator gives a worker to the job. <paramref name="IsReturning"/>: it works for the job
/// already, by order of an earlier coordinator.
/// </summary>
internal sealed record WorkerAssigned(WorkerIdentity Worker, IControlLink Link, bool IsReturning);

/// <summary>A worker of the job is gone, or is not to be reckoned with any more.</summary>
internal sealed record WorkerLost(ulong Incarnation, string Reason);

/// <summary>A worker of the job has asked to go.</summary>
internal sealed record WorkerLeaving(ulong Incarnation);

/// <summary>
/// A worker of the job is to get no more work and to be given back; with a null reason it may stay.
/// </summary>
internal sealed record WorkerDrained(ulong Incarnation, string? Reason);

/// <summary>A worker's message about the job.</summary>
internal sealed record FromWorker(ulong Incarnation, WorkerMessage Message);

internal sealed record WatcherAdded(IActorRef Watcher, int EpochsSeen, int ReturnsSeen);

internal sealed record WatcherRemoved(IActorRef Watcher);

/// <summary>To the coordinator: the job does without this worker from now on.</summary>
/// <param name="Job">The job.</param>
/// <param name="Incarnation">Of the worker.</param>
/// <param name="Reason">For people.</param>
/// <param name="MayReturn">The job would take it again when it has too few.</param>
internal sealed record WorkerSpared(
    ulong Job, ulong Incarnation, string Reason, bool MayReturn);

/// <summary>To the coordinator: so many workers the job asks for from now on.</summary>
internal sealed record WorkersWanted(ulong Job, int Count);

/// <summary>To the coordinator: how far the job is, whenever that has changed.</summary>
internal sealed record JobProgressed(JobStatus Status);

/// <summary>To the coordinator: the job has ended and its workers are free.</summary>
internal sealed record JobEnded(ulong Job, RunEvent Outcome);

/// <summary>To the coordinator: another term has begun.</summary>
internal sealed record LeaseLost(string Reason);
