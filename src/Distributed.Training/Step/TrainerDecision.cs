using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>Where the steps of a run are computed.</summary>
public enum TrainerKind
{
    /// <summary>By the host's processors; the state is in the host's memory.</summary>
    Host,

    /// <summary>By the device, on which data and state stay.</summary>
    Device,
}

/// <summary>Where a worker computes the steps of a run, and why there.</summary>
public sealed record TrainerDecision(TrainerKind Kind, string Reason)
{
    /// <param name="precision">The run's.</param>
    /// <param name="device">The process's, such as cpu or cuda:1.</param>
    public static TrainerDecision Of(PrecisionKind precision, string device) =>
        (precision, device) switch
        {
            (_, not "cpu") => new(
                TrainerKind.Device, $"data and state stay on {device}, where steps are computed"),
            (PrecisionKind.Bf16, _) => new(
                TrainerKind.Device,
                "precision bf16 takes the trainer made for GPUs, which is slow on a CPU and there "
                + "for checking; fp32 is fast here"),
            _ => new(TrainerKind.Host, "fp32 on a CPU has a trainer of its own"),
        };
}
