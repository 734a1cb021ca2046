using Distributed.Torch;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Workers;

/// <summary>The numerics fingerprint of a spec on this worker's library and device.</summary>
internal static class SessionNumerics
{
    public static NumericsFingerprint Of(RunSpec spec, TorchRuntime runtime) => new(
        runtime.EngineRevision, runtime.LibtorchVersion, runtime.BlasCore, runtime.CpuCapability,
        runtime.OneDnnIsa, runtime.Device, spec.Precision.ToString().ToLowerInvariant(),
        runtime.ThreadCount, spec.GlobalBatch, spec.LogicalShards,
        (spec.GlobalBatch + spec.LogicalShards - 1) / spec.LogicalShards,
        spec.Reduction.ToString().ToLowerInvariant());
}
