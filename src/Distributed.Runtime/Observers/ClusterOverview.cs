namespace Distributed.Runtime.Observers;

/// <summary>The cluster at a glance, as one of its coordinators sees it.</summary>
/// <param name="Version">Of the whole model; it grows with every change.</param>
/// <param name="Address">Of this coordinator: host:port.</param>
/// <param name="Term">0 where this coordinator stands by: it then knows little else.</param>
/// <param name="LeaderAddress">Of the one that acts; empty where none is known.</param>
/// <param name="StartedUtc">When this coordinator's process began.</param>
public sealed record ClusterOverview(
    long Version, string Address, long Term, string LeaderAddress, DateTimeOffset StartedUtc,
    int Workers, int WorkersUnreachable, int WorkersBusy, int JobsRunning, int SweepsRunning,
    double ImagesPerSecond);
