namespace Distributed.Cluster.Workers;

/// <summary>A worker's timing.</summary>
public sealed record WorkerTiming
{
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// A coordinator that says nothing for this long is left for another; one that dies is left at
    /// once, because its streams break.
    /// </summary>
    public TimeSpan CoordinatorTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan RedialDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often committed steps are reported, in one message.</summary>
    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Steps that may wait for a coordinator to have them on record; then the worker waits too.
    /// </summary>
    public int UnrecordedStepsMax { get; init; } = 1 << 18;
}

/// <summary>Tells a worker to hand over its work and leave the cluster.</summary>
public sealed record LeaveCluster(string Reason);

/// <summary>The worker's host hears that it has become a member.</summary>
public sealed record WorkerJoined(string Address, long Term);

/// <summary>The worker's host hears that it has left for good: the process may end.</summary>
public sealed record WorkerLeft(string Reason);

/// <summary>The worker's host hears why no coordinator has been found so far.</summary>
public sealed record NoCoordinator(string Reason);
