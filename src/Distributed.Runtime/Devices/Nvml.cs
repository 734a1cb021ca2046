using System.Runtime.InteropServices;
using System.Text;

namespace Distributed.Runtime.Devices;

/// <summary>
/// NVIDIA's management library, which comes with the driver: absent on machines without one. See
/// https://docs.nvidia.com/deploy/nvml-api.
/// </summary>
internal sealed unsafe class Nvml : IDeviceDriver
{
    public const string LibraryName = "libnvidia-ml.so.1";

    private const int Success = 0;
    private const int NotSupported = 3;
    private const int DeviceIsLost = 15;
    private const int UncorrectedErrorKind = 1;
    private const int SinceDriverLoad = 0;
    private const int TextCapacity = 96;

    private readonly nint _library;
    private readonly nint[] _handles;
    private readonly Lock _gate = new();
    private bool _isClosed;

    private Nvml(nint library)
    {
        _library = library;
        _handles = new nint[Count()];
        int cuda = 0;
        Require(
            ((delegate* unmanaged<int*, int>)Symbol("nvmlSystemGetCudaDriverVersion_v2"))(&cuda),
            "nvmlSystemGetCudaDriverVersion_v2");
        var system =
            (delegate* unmanaged<byte*, uint, int>)Symbol("nvmlSystemGetDriverVersion");
        byte* text = stackalloc byte[TextCapacity];
        Require(system(text, TextCapacity), "nvmlSystemGetDriverVersion");
        string version = TextAt(text);
        var devices = new DriverDevice[_handles.Length];
        for (int index = 0; index < devices.Length; index++)
            devices[index] = Open(index);
        Report = new DriverReport(version, cuda / 1000, cuda % 1000 / 10, devices);
    }

    public DriverReport Report { get; }

    /// <summary>Null where there is no driver that answers.</summary>
    /// <param name="path">The library's name or path.</param>
    /// <param name="reason">Why there is none; empty where there is.</param>
    public static Nvml? TryOpen(string path, out string reason)
    {
        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            reason = $"{path} is not there";
            return null;
        }

        if (!NativeLibrary.TryGetExport(library, "nvmlInit_v2", out nint initialize))
        {
            NativeLibrary.Free(library);
            reason = $"{path} has no nvmlInit_v2";
            return null;
        }

        int status = ((delegate* unmanaged<int>)initialize)();
        if (status != Success)
        {
            NativeLibrary.Free(library);
            reason = $"{path} cannot start: {Explain(status)}";
            return null;
        }

        try
        {
            reason = "";
            return new Nvml(library);
        }
        catch (DeviceException failure)
        {
            Close(library);
            reason = $"{path}: {failure.Message}";
            return null;
        }
        catch (EntryPointNotFoundException failure)
        {
            Close(library);
            reason = $"{path} is too old: {failure.Message}";
            return null;
        }
    }

    public DeviceSample Sample(int index)
    {
        lock (_gate)
            return _isClosed ? new DeviceSample(0, 0, 0, 0, "") : SampleOpen(index);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
            _isClosed = true;
            Close(_library);
        }
    }

    private DeviceSample SampleOpen(int index)
    {
        nint device = _handles[index];
        MemoryInfo memory = default;
        int status = ((delegate* unmanaged<nint, MemoryInfo*, int>)Symbol(
            "nvmlDeviceGetMemoryInfo"))(device, &memory);
        if (status is not (Success or NotSupported))
            return new DeviceSample(0, 0, 0, 0, $"the driver says: {Explain(status)}");
        Utilization use = default;
        // Devices that are split do not tell: what is not known shows as nothing.
        _ = ((delegate* unmanaged<nint, Utilization*, int>)Symbol(
            "nvmlDeviceGetUtilizationRates"))(device, &use);
        ulong errors = 0;
        status = ((delegate* unmanaged<nint, int, int, ulong*, int>)Symbol(
            "nvmlDeviceGetTotalEccErrors"))(
                device, UncorrectedErrorKind, SinceDriverLoad, &errors);
        return new DeviceSample(
            (long)memory.Used, (long)memory.Total, Math.Min(use.Device, 100) / 100.0,
            status == Success ? (long)errors : 0,
            status == DeviceIsLost ? $"the driver says: {Explain(status)}" : "");
    }

    private static void Close(nint library)
    {
        if (NativeLibrary.TryGetExport(library, "nvmlShutdown", out nint shutdown))
            _ = ((delegate* unmanaged<int>)shutdown)();
        NativeLibrary.Free(library);
    }

    private int Count()
    {
        uint count = 0;
        Require(
            ((delegate* unmanaged<uint*, int>)Symbol("nvmlDeviceGetCount_v2"))(&count),
            "nvmlDeviceGetCount_v2");
        return (int)count;
    }

    private DriverDevice Open(int index)
    {
        nint device = 0;
        int status = ((delegate* unmanaged<uint, nint*, int>)Symbol(
            "nvmlDeviceGetHandleByIndex_v2"))((uint)index, &device);
        Require(status, $"GPU {index}");
        _handles[index] = device;
        return new DriverDevice(
            index, Text(device, "nvmlDeviceGetName"), Text(device, "nvmlDeviceGetUUID"));
    }

    private string Text(nint device, string function)
    {
        byte* text = stackalloc byte[TextCapacity];
        var read = (delegate* unmanaged<nint, byte*, uint, int>)Symbol(function);
        Require(read(device, text, TextCapacity), function);
        return TextAt(text);
    }

    private static string TextAt(byte* text) => Encoding.UTF8.GetString(
        MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    private nint Symbol(string name) => NativeLibrary.GetExport(_library, name);

    private static void Require(int status, string what)
    {
        if (status != Success)
            throw new DeviceException($"{what}: {Explain(status)}");
    }

    private static string Explain(int status) => status switch
    {
        NotSupported => "it is not supported (3)",
        4 => "no permission (4)",
        9 => "the driver is not loaded (9)",
        DeviceIsLost => "the GPU has fallen off the bus or cannot be reached any more (15)",
        16 => "the GPU has to be reset (16)",
        18 => "the driver and its library are of different versions; restart the machine (18)",
        _ => $"error {status}",
    };

    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryInfo
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Utilization
    {
        public uint Device;
        public uint Memory;
    }
}
