namespace Distributed.Torch;

/// <summary>Which libtorch the process has loaded, and what of GPUs it can use.</summary>
/// <param name="LibtorchVersion">That the engine was built against.</param>
/// <param name="LibtorchFile">Where it was loaded from.</param>
/// <param name="CudaVersion">Of CUDA that it was built for, such as 12.8; null where it has
/// none.</param>
/// <param name="CudaDeviceCount">GPUs that it can use; those hidden by CUDA_VISIBLE_DEVICES do not
/// count.</param>
public sealed record TorchDevices(
    string LibtorchVersion, string LibtorchFile, string? CudaVersion, int CudaDeviceCount)
{
    /// <summary>Whether the engine can capture a step on CUDA and replay it.</summary>
    public bool HasCapture { get; init; }
}
