namespace Distributed.Torch.Finding;

/// <summary>A libtorch that the engine can be built against and run with.</summary>
/// <param name="Folder">With include/ and lib/; the one of libtorch_cpu.so for that of the
/// distribution, whose headers lie elsewhere.</param>
/// <param name="Version">Such as 2.11.0, by its headers.</param>
/// <param name="CudaVersion">Such as 13.0, or "unknown"; null for one without CUDA.</param>
/// <param name="Library">libtorch_cpu.so.</param>
/// <param name="IsDistribution">Whether it came with the distribution's packages.</param>
internal sealed record LibtorchInstallation(
    string Folder, string Version, string? CudaVersion, string Library, bool IsDistribution = false)
{
    public override string ToString() =>
        $"libtorch {Version} "
        + (CudaVersion is null ? "without CUDA" : $"with CUDA {CudaVersion}");
}

/// <summary>A place where a libtorch may be.</summary>
/// <param name="Place">Its folder.</param>
/// <param name="Found">Null where it is none that can be used.</param>
/// <param name="Problem">Why not.</param>
internal sealed record LibtorchCandidate(
    string Place, LibtorchInstallation? Found, string Problem = "");
