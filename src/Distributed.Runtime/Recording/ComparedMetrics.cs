using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// The metrics of runs that TensorBoard shows beside their hyper-parameters: tags that a recorded
/// run writes.
/// </summary>
public static class ComparedMetrics
{
    public static IReadOnlyList<HParamsMetric> All { get; } =
    [
        new("accuracy/test", "test accuracy", HParamsDataset.Validation),
        new("loss/test", "test loss", HParamsDataset.Validation),
        new("accuracy/epoch", "training accuracy", HParamsDataset.Training),
        new("loss/epoch", "training loss", HParamsDataset.Training),
        new("images_per_second", "images per second"),
    ];
}
