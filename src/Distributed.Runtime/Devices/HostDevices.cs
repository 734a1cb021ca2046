namespace Distributed.Runtime.Devices;

/// <summary>The GPUs that this host shows to its processes, by what its driver says.</summary>
/// <param name="Names">Of each, in CUDA's order; empty without a driver.</param>
/// <param name="Driver">Its version and the newest CUDA it supports; or why there is none.</param>
public sealed record HostDevices(IReadOnlyList<string> Names, string Driver)
{
    /// <summary>Asks the driver, which may take tens of milliseconds; loads no libtorch.</summary>
    public static HostDevices Look()
    {
        using Nvml? driver = Nvml.TryOpen(Nvml.LibraryName, out string reason);
        return driver is null
            ? new HostDevices([], reason)
            : Of(
                driver.Report, Environment.GetEnvironmentVariable(VisibleDevices.Variable));
    }

    internal static HostDevices Of(DriverReport report, string? visible) => new(
        [
            .. VisibleDevices.Of(report.Devices, visible)
                .Select(device => $"{device.Name} ({device.Uuid})"),
        ],
        $"driver {report.Version}, CUDA {report.CudaMajor}.{report.CudaMinor}"
        + (visible is null ? "" : $", {VisibleDevices.Variable} is \"{visible}\""));
}
