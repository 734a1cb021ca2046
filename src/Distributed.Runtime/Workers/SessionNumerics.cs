using Distributed.Torch;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Workers;

/// <summary>The numerics fingerprint of a spec on this worker's library and device.</summary>
internal static class SessionNumerics
{
    public static NumericsFingerprint Of(RunSpec spec, TorchRuntime runtime) => new(
        runtime.EngineRevision, runtime.LibtorchVersion, runtime.BlasCore, runtime.CpuCapability,
        runtime.OneDnnIsa, Kind(runtime.Device), spec.Precision.ToString().ToLowerInvariant(),
        runtime.ThreadCount, spec.GlobalBatch, spec.LogicalShards,
        (spec.GlobalBatch + spec.LogicalShards - 1) / spec.LogicalShards,
        spec.Reduction.ToString().ToLowerInvariant())
    {
        Trainer = TrainerDecision.Of(spec.Precision, runtime.Device).Kind.ToString()
            .ToLowerInvariant(),
    };

    /// <summary>Workers of one host have GPUs of different numbers and the same bits.</summary>
    internal static string Kind(string device) => device.Split(':')[0];
}
