using System.Globalization;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Runtime.Devices;

/// <summary>What a process finds of devices before it takes one.</summary>
/// <param name="Torch">Its libtorch.</param>
/// <param name="Driver">Null where no driver answers.</param>
/// <param name="VisibleDevices">The variable CUDA_VISIBLE_DEVICES; null where it is not
/// set.</param>
/// <param name="Settled">The device of an earlier job: a process keeps it to its end; null before
/// the first.</param>
internal sealed record DeviceSituation(
    TorchDevices Torch, DriverReport? Driver, string? VisibleDevices, string? Settled);

/// <summary>Which device a worker computes on.</summary>
/// <param name="Device">Such as cpu or cuda:1; null where it cannot have what was asked
/// for.</param>
/// <param name="Reason">Why that one; or what there is instead, what was expected and what to
/// do.</param>
internal sealed record DeviceDecision(string? Device, string Reason)
{
    private const string Cpu = "cpu";

    public bool IsGpu => Device is not (null or Cpu);

    /// <param name="run">What the run's spec asks for: the strongest.</param>
    /// <param name="worker">What the worker was told: for runs that leave the device, or only
    /// which GPU, to it.</param>
    /// <param name="slot">Of this worker among those of its host: GPUs go round them.</param>
    /// <param name="situation">What there is.</param>
    public static DeviceDecision Of(
        DeviceRequest run, DeviceRequest worker, int slot, DeviceSituation situation)
    {
        bool isWorkers = run.Kind == DeviceKind.Auto
            || (run is { Kind: DeviceKind.Cuda, Index: null } && worker.Index is not null);
        DeviceRequest asked = isWorkers ? worker : run;
        string by = isWorkers ? "worker.device" : "the run's device";
        if (asked.Kind == DeviceKind.Auto && situation.Settled is { } settled)
            return new(settled, "this process took it for an earlier run");
        DeviceDecision decision = asked.Kind switch
        {
            DeviceKind.Cpu => new(Cpu, $"{by} is cpu"),
            DeviceKind.Auto when situation.Torch.CudaDeviceCount == 0 =>
                new(Cpu, $"no GPU can be used: {WhyNone(situation).What}"),
            _ => Gpu(asked, by, slot, situation),
        };
        return decision.Device is null || situation.Settled is null
            || decision.Device == situation.Settled
            ? decision
            : new(
                null,
                $"{by} asks for {decision.Device}, but this process took {situation.Settled} for "
                + "an earlier run: expected one device a process; start the worker again, or set "
                + "the device to auto");
    }

    private static DeviceDecision Gpu(
        DeviceRequest asked, string by, int slot, DeviceSituation situation)
    {
        int count = situation.Torch.CudaDeviceCount;
        if (count == 0)
        {
            (string what, string remedy) = WhyNone(situation);
            return new(null, $"{by} asks for {asked}, but {what}: {remedy}, or ask for cpu");
        }

        int index = asked.Index ?? slot % count;
        if (index >= count)
        {
            string last = count == 1 ? "cuda:0" : $"cuda:0 to cuda:{count - 1}";
            return new(
                null,
                $"{by} asks for {asked}, but this host shows {Gpus(count)}: "
                + $"expected {last}{Hidden(situation)}");
        }

        return new(
            string.Create(CultureInfo.InvariantCulture, $"cuda:{index}"),
            asked.Index is not null
                ? $"{by} is {asked}"
                : $"slot {slot} of {Gpus(count)}");
    }

    private static (string What, string Remedy) WhyNone(DeviceSituation situation)
    {
        TorchDevices torch = situation.Torch;
        string library = $"libtorch {torch.LibtorchVersion} ({torch.LibtorchFile})";
        if (torch.CudaVersion is not { } built)
        {
            return (
                $"{library} is built without CUDA",
                "expected one with CUDA; `python3 -m pip install torch` in a virtual environment "
                + "and activate it, or name one with LIBTORCH or torch.folder in cluster.hocon; "
                + "`distributed doctor` says which is taken");
        }

        if (situation.Driver is not { } driver)
        {
            return (
                $"no NVIDIA driver answers ({Nvml.LibraryName})",
                $"expected a driver for CUDA {built}, which {library} is built for; install it, "
                + "and in a container start it with --gpus all");
        }

        string supported = $"CUDA {driver.CudaMajor}.{driver.CudaMinor}";
        if (MajorOf(built) > driver.CudaMajor)
        {
            return (
                $"{library} is built for CUDA {built} and driver {driver.Version} supports "
                + $"{supported}",
                $"expected a driver for CUDA {built} or newer; update it, or install a PyTorch "
                + $"built for {supported} or older");
        }

        return driver.Devices.Count == 0
            ? ($"driver {driver.Version} shows no GPU", "expected one; see `nvidia-smi`")
            : (
                $"{library} can use none of the {Gpus(driver.Devices.Count)} that "
                + $"driver {driver.Version} shows",
                $"expected one{Hidden(situation)}; see `nvidia-smi`");
    }

    private static string Hidden(DeviceSituation situation) => situation.VisibleDevices is { } shown
        ? $" ({VisibleDevices.Variable} is \"{shown}\")"
        : "";

    private static string Gpus(int count) => count == 1 ? "1 GPU" : $"{count} GPUs";

    private static int MajorOf(string version) =>
        int.TryParse(
            version.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            ? major
            : 0;
}
