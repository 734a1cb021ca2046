namespace Distributed.Torch.Finding;

/// <summary>
/// CUDA's headers, from which the captured step is built besides libtorch: CMakeLists.txt takes
/// them where they are whole, and else leaves that step out.
/// </summary>
internal static class CudaHeaders
{
    // The runtime's package lacks the second, which the compiler's brings.
    private static readonly string[] s_files = ["cuda_runtime_api.h", "crt/host_defines.h"];

    /// <summary>
    /// Those that are there for a libtorch with CUDA, beside it as wheels or in a toolkit: an
    /// engine that was built before one of them came is built again.
    /// </summary>
    /// <param name="libtorch">Whose CUDA it is.</param>
    /// <param name="variable">Reads the environment.</param>
    public static IReadOnlyList<string> Of(
        LibtorchInstallation libtorch, Func<string, string?> variable)
    {
        if (libtorch.CudaVersion is null)
            return [];
        var beside = Path.GetDirectoryName(libtorch.Folder) ?? "/";
        return
        [
            .. new[]
            {
                Path.Combine(beside, "nvidia/cu13/include"),
                Path.Combine(beside, "nvidia/cuda_runtime/include"),
                Path.Combine(beside, "nvidia/cuda_nvcc/include"),
                Path.Combine(beside, "triton/backends/nvidia/include"),
                Path.Combine(variable("CUDA_HOME") ?? "/nowhere", "include"),
                "/usr/local/cuda/include", "/usr/include",
            }
                .SelectMany(folder => s_files.Select(file => Path.Combine(folder, file)))
                .Where(File.Exists),
        ];
    }

    /// <summary>How to get what is missing.</summary>
    /// <param name="cudaVersion">Such as 12.8, or "unknown".</param>
    public static string Advice(string cudaVersion)
    {
        var major = cudaVersion.Split('.')[0];
        var packages = !int.TryParse(major, out var number)
            ? "nvidia-cuda-runtime nvidia-cuda-crt"
            : number < 13
                ? $"nvidia-cuda-runtime-cu{major} nvidia-cuda-nvcc-cu{major}"
                : $"'nvidia-cuda-runtime=={major}.*' 'nvidia-cuda-crt=={major}.*'";
        return $"`python3 -m pip install {packages}` beside that PyTorch, or set CUDA_HOME to a "
            + $"toolkit of CUDA {cudaVersion}; the engine is then built again by itself";
    }
}
