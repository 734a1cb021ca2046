using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>
/// What a run of a preset gets for the keys it does not give. This table is the one place where
/// the presets' recipes are.
/// </summary>
public sealed record PresetDefaults(
    OptimizerSpec Optimizer, ScheduleSpec Schedule, int GlobalBatch, double Epochs,
    AugmentationSettings Augmentation, double LabelSmoothing,
    TestTimeAugmentation TestTimeAugmentation = TestTimeAugmentation.None)
{
    private static readonly AugmentationSettings CropAndFlip =
        AugmentationSettings.None with { CropPaddingPixels = 4, HorizontalFlip = FlipMode.Random };

    private static readonly AugmentationSettings ReflectedCropAndAlternatingFlip =
        AugmentationSettings.None with
        {
            CropPaddingPixels = 2,
            CropPaddingMode = CropPaddingMode.Reflect,
            HorizontalFlip = FlipMode.Alternating,
        };

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
        ["airbench94"] = new(
            AirbenchSgd(),
            ScheduleSpec.OneCycle(initialFraction: 0.2, riseFraction: 0.23, finalFraction: 0.07),
            GlobalBatch: 1024, Epochs: 9.9, ReflectedCropAndAlternatingFlip, LabelSmoothing: 0.2,
            TestTimeAugmentation.MirrorAndShift),
        ["airbench94-muon"] = new(
            AirbenchMuon(),
            ScheduleSpec.OneCycle(initialFraction: 1, riseFraction: 0, finalFraction: 0),
            GlobalBatch: 2000, Epochs: 8, ReflectedCropAndAlternatingFlip, LabelSmoothing: 0.2,
            TestTimeAugmentation.MirrorAndShift),
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
                Augmentation = defaults.Augmentation with { HorizontalFlip = FlipMode.Off },
            }
            : defaults;
    }

    /// <summary>
    /// The published rates are for a loss that is summed over the batch, by kilostep: 11.5 comes to
    /// 11.5 / (1 + 1 / (1 - momentum)) = 1.5 for the mean. Its decay of 0.0153, scaled likewise, is
    /// taken off apart from the rate, which is why it is over the rate here, and over 64 again
    /// where the rate is 64 times as high.
    /// </summary>
    private static OptimizerSpec AirbenchSgd()
    {
        const double momentum = 0.85;
        const double normRateFactor = 64;
        const double decay = 0.0153 / 11.5;
        return OptimizerSpec.Sgd(1.5, momentum, nesterov: true, decay) with
        {
            Groups =
            [
                new(ParameterKind.Norms, normRateFactor, momentum, decay / normRateFactor),
            ],
            Lookahead = new(EverySteps: 5, FinalDecay: 0.7737809375),
        };
    }

    /// <summary>
    /// The published rates of what Muon leaves to SGD are for a loss that is summed over the 2,000
    /// samples of a batch; Muon's own does not depend on the loss's scale.
    /// </summary>
    private static OptimizerSpec AirbenchMuon()
    {
        const double rate = 0.24;
        const double biasFactor = 0.053 * 2000 / rate;
        const double headFactor = 0.67 * 2000 / rate;
        return OptimizerSpec.Muon(rate, momentum: 0.6, nesterov: true, newtonSchulzSteps: 3) with
        {
            Groups =
            [
                new(ParameterKind.Biases, biasFactor, Momentum: 0.85, WeightDecay: 0),
                new(ParameterKind.Norms, biasFactor, Momentum: 0.85, WeightDecay: 0),
                new(ParameterKind.Linear, headFactor, Momentum: 0.85, WeightDecay: 0),
            ],
        };
    }
}
