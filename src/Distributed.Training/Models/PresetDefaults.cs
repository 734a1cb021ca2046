using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>
/// What a run of a preset gets for the keys it does not give. This table is the one place where
/// the presets' recipes are.
/// </summary>
public sealed record PresetDefaults(
    OptimizerSpec Optimizer, ScheduleSpec Schedule, int GlobalBatch, int Epochs,
    AugmentationSettings Augmentation, double LabelSmoothing)
{
    private static readonly AugmentationSettings CropAndFlip =
        AugmentationSettings.None with { CropPaddingPixels = 4, HorizontalFlip = true };

    private static readonly Dictionary<string, PresetDefaults> Table = new()
    {
        ["course-cnn"] = new(
            OptimizerSpec.Adam(1e-3),
            ScheduleSpec.Cosine(),
            GlobalBatch: 64, Epochs: 3, AugmentationSettings.None, LabelSmoothing: 0),
        ["mnist-cnn"] = new(
            OptimizerSpec.Adam(1e-3),
            ScheduleSpec.Cosine(),
            GlobalBatch: 64, Epochs: 3, AugmentationSettings.None, LabelSmoothing: 0),
        ["cifar-cnn"] = new(
            OptimizerSpec.Sgd(0.1, momentum: 0.9, nesterov: true, weightDecay: 5e-4),
            ScheduleSpec.OneCycle(),
            GlobalBatch: 128, Epochs: 6, CropAndFlip, LabelSmoothing: 0),
        ["resnet18"] = new(
            OptimizerSpec.Sgd(0.1, momentum: 0.9, nesterov: true, weightDecay: 5e-4),
            ScheduleSpec.OneCycle(),
            GlobalBatch: 128, Epochs: 30, CropAndFlip, LabelSmoothing: 0),
    };

    private static readonly PresetDefaults OwnLayers = new(
        OptimizerSpec.Adam(1e-3),
        ScheduleSpec.Constant,
        GlobalBatch: 64, Epochs: 5, AugmentationSettings.None, LabelSmoothing: 0);

    /// <summary>The recipe of a preset, or of a network of one's own for any other name.</summary>
    public static PresetDefaults Of(string preset, string dataset)
    {
        var defaults = Table.GetValueOrDefault(preset, OwnLayers);
        // A mirrored digit is another digit, or none.
        return dataset == "mnist"
            ? defaults with
            {
                Augmentation = defaults.Augmentation with { HorizontalFlip = false },
            }
            : defaults;
    }
}
