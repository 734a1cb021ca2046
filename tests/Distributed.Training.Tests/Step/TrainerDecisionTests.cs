using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Training.Tests.Step;

/// <summary>Which trainer a worker takes, and the reason that it tells.</summary>
public sealed class TrainerDecisionTests
{
    [Theory]
    [InlineData(PrecisionKind.Fp32, "cpu", TrainerKind.Host, "fp32 on a CPU")]
    [InlineData(PrecisionKind.Bf16, "cpu", TrainerKind.Device, "slow on a CPU")]
    [InlineData(PrecisionKind.Fp32, "cuda:0", TrainerKind.Device, "stay on cuda:0")]
    [InlineData(PrecisionKind.Bf16, "cuda:3", TrainerKind.Device, "stay on cuda:3")]
    public void It_follows_from_precision_and_device(
        PrecisionKind precision, string device, TrainerKind expected, string reason)
    {
        TrainerDecision decision = TrainerDecision.Of(precision, device);
        Assert.Equal(expected, decision.Kind);
        Assert.Contains(reason, decision.Reason);
    }
}
