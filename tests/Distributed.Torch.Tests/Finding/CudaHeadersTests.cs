using Distributed.Torch.Finding;

namespace Distributed.Torch.Tests.Finding;

/// <summary>
/// Goal: headers of CUDA that come later are noticed wherever wheels and toolkits have them, and
/// what is missing is named with its package.
/// </summary>
public sealed class CudaHeadersTests
{
    [Theory]
    [InlineData("nvidia/cu13/include/cuda_runtime_api.h")]
    [InlineData("nvidia/cuda_runtime/include/cuda_runtime_api.h")]
    [InlineData("nvidia/cuda_nvcc/include/crt/host_defines.h")]
    [InlineData("triton/backends/nvidia/include/crt/host_defines.h")]
    [InlineData("toolkit/include/cuda_runtime_api.h")]
    public void AHeaderIsNoticedWhereverItIs(string header)
    {
        using var folder = new TemporaryFolder();
        var torch = LibtorchFolders.Read(folder.WriteWheel("torch", "2.6.0", "12.4")).Found!;
        var plain = LibtorchFolders.Read(folder.WriteWheel("plain", "2.6.0", null)).Found!;
        string? Variable(string name) => name == "CUDA_HOME" ? folder["toolkit"] : null;
        var before = CudaHeaders.Of(torch, Variable);
        var file = folder.Write(header);
        Assert.Equal([file], CudaHeaders.Of(torch, Variable).Except(before));
        Assert.Empty(CudaHeaders.Of(plain, Variable));
    }

    [Theory]
    [InlineData("12.8", "nvidia-cuda-runtime-cu12 nvidia-cuda-nvcc-cu12")]
    [InlineData("13.0", "'nvidia-cuda-runtime==13.*' 'nvidia-cuda-crt==13.*'")]
    [InlineData("unknown", "nvidia-cuda-runtime nvidia-cuda-crt")]
    public void ThePackagesAreThoseOfTheVersion(string cuda, string packages)
    {
        Assert.Contains(
            $"pip install {packages}`", CudaHeaders.Advice(cuda), StringComparison.Ordinal);
        Assert.Contains("CUDA_HOME", CudaHeaders.Advice(cuda), StringComparison.Ordinal);
    }
}
