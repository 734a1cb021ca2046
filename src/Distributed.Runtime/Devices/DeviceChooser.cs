using System.Globalization;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Runtime.Devices;

/// <summary>
/// This process's way to a device: what the worker was told, the engine and the driver, which is
/// loaded when the first GPU is asked for. Any thread may use it.
/// </summary>
/// <param name="worker">What the worker was told to take.</param>
/// <param name="slot">Of this worker among those of its host.</param>
/// <param name="open">Opens the driver; null where there is none.</param>
/// <param name="visible">CUDA_VISIBLE_DEVICES.</param>
internal sealed class DeviceChooser(
    DeviceRequest worker, int slot, Func<IDeviceDriver?> open, string? visible) : IDisposable
{
    private const string CudaPrefix = "cuda:";

    private readonly Lazy<IDeviceDriver?> _driver = new(open);
    private readonly Lock _gate = new();
    private DeviceSample? _last;

    /// <summary>That of this machine.</summary>
    public static DeviceChooser Of(DeviceRequest worker, int slot) => new(
        worker, slot, () => Nvml.TryOpen(Nvml.LibraryName, out _),
        Environment.GetEnvironmentVariable(VisibleDevices.Variable));

    /// <summary>Decides for a run; the driver is asked only where a GPU may be wanted.</summary>
    /// <exception cref="DeviceException">What was asked for cannot be had.</exception>
    public DeviceDecision Choose(DeviceRequest run)
    {
        bool isCpu = run.Kind == DeviceKind.Cpu
            || (run.Kind == DeviceKind.Auto && worker.Kind == DeviceKind.Cpu);
        TorchDevices torch = TorchLibrary.Devices();
        var situation = new DeviceSituation(
            torch, isCpu || torch.CudaVersion is null ? null : _driver.Value?.Report, visible,
            TorchLibrary.Device);
        DeviceDecision decision = DeviceDecision.Of(run, worker, slot, situation);
        return decision.Device is null ? throw new DeviceException(decision.Reason) : decision;
    }

    /// <summary>The name and UUID of a device such as cuda:1; empty where they are not
    /// known.</summary>
    public string Identify(string device) =>
        Find(device) is { } found ? $"{found.Name}, {found.Uuid}" : "";

    /// <summary>
    /// Names a device so that workers of a host have the same name for the same one only.
    /// </summary>
    public string PlaceOf(string device) =>
        Identify(device) is { Length: > 0 } identity
            ? identity
            : $"{device} of {VisibleDevices.Variable} \"{visible}\"";

    /// <summary>
    /// How a device is, and why it cannot be used any more; null for a device that no driver knows,
    /// such as a CPU.
    /// </summary>
    public (DeviceSample Sample, string? Lost)? Sample(string device)
    {
        if (Find(device) is not { } found)
            return null;
        DeviceSample now = _driver.Value!.Sample(found.Index);
        lock (_gate)
        {
            DeviceSample before = _last ?? now;
            _last = now;
            return (
                now, DeviceHealth.Explain(before, now, device, $"{found.Name}, {found.Uuid}"));
        }
    }

    public void Dispose()
    {
        if (_driver.IsValueCreated)
            _driver.Value?.Dispose();
    }

    private DriverDevice? Find(string device)
    {
        if (!device.StartsWith(CudaPrefix, StringComparison.Ordinal)
            || !int.TryParse(
                device.AsSpan(CudaPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture,
                out int index)
            || _driver.Value is not { } driver)
            return null;
        IReadOnlyList<DriverDevice> shown = VisibleDevices.Of(driver.Report.Devices, visible);
        return index < shown.Count ? shown[index] : null;
    }
}
