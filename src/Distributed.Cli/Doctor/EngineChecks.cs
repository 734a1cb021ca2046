using Distributed.Kernel;
using Distributed.Runtime.Devices;
using Distributed.Torch;

namespace Distributed.Cli.Doctor;

/// <summary>Checks of the training engine; they load it, which takes most of a second.</summary>
internal static class EngineChecks
{
    private const string BlasAbsent = "none";

    /// <summary>Which libtorch is used, and the engine for it, which is built if need be; loads
    /// neither.</summary>
    /// <param name="say">Told what takes long.</param>
    /// <param name="isMissing">Whether there is no libtorch at all.</param>
    public static Finding Engine(Action<string> say, out bool isMissing)
    {
        isMissing = false;
        try
        {
            EngineOrigin origin = TorchLibrary.Prepare(say);
            return Finding.Ok(
                "engine", $"{origin.LibraryFile}, for {origin.Libtorch} ({origin.Reason})");
        }
        catch (OperatingException failure)
        {
            isMissing = failure is LibtorchMissingException;
            return new Finding(
                isMissing ? "libtorch" : "engine", Health.Fail, failure.Message,
                "do what it says, then run this again");
        }
    }

    public static IEnumerable<Finding> All(Action<string> say)
    {
        Finding engine = Engine(say, out _);
        yield return engine;
        if (engine.Health == Health.Fail)
            yield break;
        if (!TorchLibrary.IsAvailable(out string reason))
        {
            yield return new Finding(
                "libtorch", Health.Fail, reason, "do what it says, then run this again");
            yield break;
        }
        TorchLibrary.Initialize(threadCount: 1);
        TorchRuntime runtime = TorchLibrary.Describe();
        TorchDevices devices = TorchLibrary.Devices();
        EngineOrigin origin = TorchLibrary.Prepare();
        yield return Libtorch(devices, origin);
        yield return Capture(devices, origin);
        yield return Blas(runtime.BlasCore);
        yield return Devices(runtime, Environment.ProcessorCount);
        yield return Gpus(devices, HostDevices.Look());
    }

    /// <summary>Which libtorch it is, and why that one.</summary>
    internal static Finding Libtorch(TorchDevices devices, EngineOrigin origin)
    {
        string cuda = devices.CudaVersion is { } version
            ? $"with CUDA {version}"
            : "without CUDA";
        return Finding.Ok(
            "libtorch",
            $"{devices.LibtorchVersion} {cuda}, {devices.LibtorchFile} ({origin.Reason})");
    }

    /// <summary>Whether steps on a GPU are replayed, without the host between.</summary>
    internal static Finding Capture(TorchDevices devices, EngineOrigin origin)
    {
        if (devices.HasCapture)
            return Finding.Ok("captured step", "built in");
        if (devices.CudaVersion is null)
            return Finding.Ok("captured step", "none: this libtorch has no CUDA");
        return new Finding(
            "captured step", Health.Warn,
            "not built in, for want of CUDA's headers: steps on a GPU are slower",
            origin.IsPrebuilt
                ? "build the engine where CUDA's headers are"
                : $"{origin.CaptureAdvice} (what was found is in build.log in "
                    + $"{Path.GetDirectoryName(Path.GetDirectoryName(origin.LibraryFile))})");
    }

    /// <summary>GPUs that are there and cannot be used are what is worth a warning.</summary>
    internal static Finding Gpus(TorchDevices devices, HostDevices host)
    {
        string names = string.Join("; ", host.Names);
        if (devices.CudaDeviceCount > 0)
        {
            return Finding.Ok(
                "GPUs",
                $"{devices.CudaDeviceCount} to use: {(names.Length > 0 ? names : host.Driver)}");
        }

        if (host.Names.Count == 0)
            return Finding.Ok("GPUs", $"none ({host.Driver})");
        return devices.CudaVersion is { } version
            ? new Finding(
                "GPUs", Health.Warn,
                $"libtorch for CUDA {version} can use none of {names} ({host.Driver})",
                "update the driver, or install a PyTorch built for the driver's CUDA or older")
            : new Finding(
                "GPUs", Health.Warn, $"libtorch is built without CUDA and leaves {names} unused",
                "`python3 -m pip install torch` in a virtual environment, activate it, then run "
                + "this again; or name a libtorch with CUDA in LIBTORCH or torch.folder");
    }

    internal static Finding Blas(string core) => core == BlasAbsent
        ? new Finding(
            "OpenBLAS", Health.Warn, "libtorch does its products without OpenBLAS, far slower",
            "run `apt-get install libopenblas0-pthread`")
        : Finding.Ok("OpenBLAS", $"kernels for {core}");

    internal static Finding Devices(TorchRuntime runtime, int processors)
    {
        string graphics = runtime.CudaAvailable ? "CUDA is available" : "no CUDA device";
        return Finding.Ok(
            "devices", $"{processors} processors ({runtime.CpuCapability}), {graphics}");
    }
}
