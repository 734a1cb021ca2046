namespace Distributed.Torch;

/// <summary>
/// What the engine runs on. Every field but <paramref name="CudaAvailable"/> can change a run's
/// bits, so together they are part of its numerics fingerprint.
/// </summary>
/// <param name="EngineRevision">Counts the changes to the engine's own order of
/// computation.</param>
public sealed record TorchRuntime(
    int EngineRevision, string LibtorchVersion, string BlasCore, string CpuCapability,
    string OneDnnIsa, bool CudaAvailable, int ThreadCount, string Device);
