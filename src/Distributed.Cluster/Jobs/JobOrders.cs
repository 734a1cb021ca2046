namespace Distributed.Cluster.Jobs;

/// <summary>The coordinator's message to a worker.</summary>
public abstract record JobOrder(ulong Job);

/// <summary>
/// Load the data, build the model, take this rank's place; answer with JobPrepared.
/// </summary>
public sealed record PrepareJob(
    ulong Job, JobDescription Description, Generation Generation, int Rank) : JobOrder(Job);

/// <summary>All ranks are prepared: step.</summary>
public sealed record StartJob(ulong Job) : JobOrder(Job);

/// <summary>Vote to stop with the next step; all ranks then stop after the same one.</summary>
public sealed record StopWork(ulong Job, string Reason) : JobOrder(Job);

/// <summary>Cancel what is in flight and forget the job.</summary>
public sealed record ReleaseJob(ulong Job, string Reason) : JobOrder(Job);
