namespace Distributed.Cluster.Jobs;

/// <summary>The coordinator's message to a worker about a job.</summary>
public abstract record JobOrder(ulong Job);

/// <summary>
/// Load the data, build the model, take over the state of that checkpoint (the initial state where
/// the folder is empty), then be Halted.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="Description">What to do.</param>
/// <param name="Step">Of the checkpoint.</param>
/// <param name="CheckpointFolder">The checkpoint.</param>
/// <param name="Returns">How often the job has returned to a checkpoint so far: a worker that has
/// not heard of the last time writes no checkpoint any more.</param>
public sealed record PrepareJob(
    ulong Job, JobDescription Description, long Step, string CheckpointFolder, int Returns)
    : JobOrder(Job);

/// <summary>
/// Cancel what is in flight, commit nothing of a generation older than this one any more, and be
/// Halted.
/// </summary>
public sealed record HaltJob(ulong Job, int Generation, string Reason) : JobOrder(Job);

/// <summary>
/// Vote to pause: all ranks then stop after the same step, with nothing in flight, and are Yielded.
/// </summary>
public sealed record YieldWork(ulong Job, int Generation, string Reason) : JobOrder(Job);

/// <summary>
/// Take that rank in a new generation, copy the state of its start where this worker is behind, and
/// step.
/// </summary>
public sealed record FormGeneration(ulong Job, Generation Generation, int Rank) : JobOrder(Job);

/// <summary>Vote to stop with the next step; all ranks then stop after the same one.</summary>
public sealed record StopWork(ulong Job, string Reason) : JobOrder(Job);

/// <summary>
/// To one rank: vote to save with the next step; all ranks then take the state after the same one.
/// </summary>
public sealed record CheckpointWork(ulong Job) : JobOrder(Job);

/// <summary>Save the state as it is now, between two generations.</summary>
public sealed record SaveWork(ulong Job) : JobOrder(Job);

/// <summary>Cancel what is in flight and forget the job.</summary>
public sealed record ReleaseJob(ulong Job, string Reason) : JobOrder(Job);
