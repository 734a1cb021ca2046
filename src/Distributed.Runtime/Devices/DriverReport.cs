namespace Distributed.Runtime.Devices;

/// <summary>One GPU, as the driver has it.</summary>
/// <param name="Index">In the driver's order, by place on the bus.</param>
/// <param name="Name">Such as NVIDIA H200.</param>
/// <param name="Uuid">Such as GPU-5a9f..., the same after a restart of the machine.</param>
internal sealed record DriverDevice(int Index, string Name, string Uuid);

/// <summary>What the driver of this machine's GPUs says of itself.</summary>
/// <param name="Version">Of the driver.</param>
/// <param name="CudaMajor">Of the newest CUDA that it supports.</param>
/// <param name="CudaMinor">Of the newest CUDA that it supports.</param>
/// <param name="Devices">In the driver's order.</param>
internal sealed record DriverReport(
    string Version, int CudaMajor, int CudaMinor, IReadOnlyList<DriverDevice> Devices);

/// <summary>How a GPU is at one moment.</summary>
/// <param name="UsedBytes">Of its memory, by all processes.</param>
/// <param name="TotalBytes">Of its memory.</param>
/// <param name="Utilisation">From 0 to 1: the part of the last moments in which it
/// computed.</param>
/// <param name="UncorrectedErrors">Of its memory since the driver was loaded; 0 where it does not
/// count them.</param>
/// <param name="Trouble">Why it cannot be used any more; empty while it can.</param>
internal sealed record DeviceSample(
    long UsedBytes, long TotalBytes, double Utilisation, long UncorrectedErrors, string Trouble);

/// <summary>The driver of this machine's GPUs. Any thread may ask.</summary>
internal interface IDeviceDriver : IDisposable
{
    DriverReport Report { get; }

    /// <summary>May take milliseconds.</summary>
    /// <param name="index">In the driver's order.</param>
    DeviceSample Sample(int index);
}
