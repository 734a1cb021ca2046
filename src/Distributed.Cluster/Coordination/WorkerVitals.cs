namespace Distributed.Cluster.Coordination;

/// <summary>How a worker's process and device are, sampled about once a second.</summary>
/// <param name="Device">Such as <c>cpu</c> or <c>cuda:0</c>; empty before it is known.</param>
/// <param name="Threads">That it computes with.</param>
/// <param name="MemoryBytes">Resident, of the process.</param>
/// <param name="DeviceMemoryUsedBytes">0 where the device has none of its own.</param>
/// <param name="DeviceMemoryTotalBytes">0 where the device has none of its own.</param>
/// <param name="Utilisation">Of the device, from 0 to 1; for a CPU the process's share of the
/// processors that <paramref name="Threads"/> stands for, at most 1.</param>
public sealed record WorkerVitals(
    string Device, int Threads, long MemoryBytes, long DeviceMemoryUsedBytes,
    long DeviceMemoryTotalBytes, double Utilisation);

/// <summary>A line of a worker's log, for the coordinator to show.</summary>
/// <param name="UtcUnixMs">When it was written, since 1970.</param>
/// <param name="Level">As the log has it.</param>
/// <param name="Source">The actor's path.</param>
/// <param name="Text">Of any length and content: it is shown escaped.</param>
public sealed record WorkerLogLine(
    long UtcUnixMs, Kernel.ActorLogLevel Level, string Source, string Text);
