using Distributed.Torch;

namespace Distributed.Cli.Doctor;

/// <summary>Checks of the training engine; they load it, which takes most of a second.</summary>
internal static class EngineChecks
{
    private const string BlasAbsent = "none";

    public static IEnumerable<Finding> All()
    {
        if (!TorchLibrary.IsAvailable(out string reason))
        {
            yield return new Finding(
                "libtorch", Health.Fail, reason,
                "install libtorch-dev libopenblas0-pthread cmake make g++ through apt-get, or set "
                + "LIBTORCH to the torch folder of a PyTorch wheel; then run this again");
            yield break;
        }
        TorchLibrary.Initialize(threadCount: 1);
        TorchRuntime runtime = TorchLibrary.Describe();
        yield return Finding.Ok("libtorch", $"{runtime.LibtorchVersion}, engine loaded");
        yield return Blas(runtime.BlasCore);
        yield return Devices(runtime, Environment.ProcessorCount);
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
