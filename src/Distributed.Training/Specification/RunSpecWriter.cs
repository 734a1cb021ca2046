using System.Text;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;

namespace Distributed.Training.Specification;

/// <summary>
/// Writes a run spec as canonical YAML: every key, in one order, each value with one spelling.
/// Equal specs have equal texts. Keys that came later are left out where they say what was so
/// before them, so that a spec's text, and with it its hash, stays what it was.
/// </summary>
internal static class RunSpecWriter
{
    public static string Write(RunSpec spec)
    {
        var text = new StringBuilder();
        Line(text, $"name: {SpecWords.Quote(spec.Name)}");
        WriteDataset(text, spec.Dataset);
        var augmentation = spec.Augmentation;
        Line(text, "augmentation:");
        Line(text, $"  cropPadding: {SpecWords.Of(augmentation.CropPaddingPixels)}");
        var reflects = augmentation.CropPaddingMode == CropPaddingMode.Reflect;
        Line(text, $"  reflectPadding: {SpecWords.Of(reflects)}");
        Line(text, $"  horizontalFlip: {SpecWords.OfFlip(augmentation.HorizontalFlip)}");
        Line(text, $"  cutoutSize: {SpecWords.Of(augmentation.CutoutPixels)}");
        Line(text, $"  translatePixels: {SpecWords.Of(augmentation.TranslatePixels)}");
        text.Append(WriteModel(spec.Model));
        WriteOptimizer(text, spec.Optimizer);
        WriteSchedule(text, spec.Schedule);
        Line(text, $"labelSmoothing: {SpecWords.Of(spec.LabelSmoothing)}");
        Line(text, $"epochs: {SpecWords.Of(spec.Epochs)}");
        Line(text, $"steps: {OrNull(spec.Steps)}");
        if (spec.TestTimeAugmentation != TestTimeAugmentation.None)
        {
            Line(text,
                $"testTimeAugmentation: {SpecWords.Of(spec.TestTimeAugmentation)}");
        }
        Line(text, $"globalBatch: {SpecWords.Of(spec.GlobalBatch)}");
        Line(text, $"logicalShards: {SpecWords.Of(spec.LogicalShards)}");
        Line(text, $"seed: {SpecWords.Of(spec.Seed)}");
        Line(text, $"reduction: {SpecWords.Of(spec.Reduction)}");
        Line(text, $"compression: {SpecWords.Of(spec.Compression)}");
        Line(text, $"transport: {SpecWords.Of(spec.Transport)}");
        Line(text, $"device: {spec.Device}");
        Line(text, $"precision: {SpecWords.Of(spec.Precision)}");
        Line(text, $"threadsPerWorker: {SpecWords.Of(spec.ThreadsPerWorker)}");
        Line(text, $"checkpointEvery: {OrNull(spec.CheckpointEvery)}");
        Line(text, $"keepCheckpoints: {SpecWords.Of(spec.KeepCheckpoints)}");
        Line(text, $"parameterHashEvery: {SpecWords.Of(spec.ParameterHashEvery)}");
        Line(text, $"tensorboard: {SpecWords.Of(spec.TensorBoard)}");
        return text.ToString();
    }

    public static string WriteModel(ModelSpec model)
    {
        var text = new StringBuilder();
        Line(text, "model:");
        Line(text, $"  name: {SpecWords.Quote(model.Name)}");
        Line(text, $"  initialization: {SpecWords.Of(model.Initialization)}");
        Line(text, "  layers:");
        WriteLayers(text, model.Layers, "  ");
        return text.ToString();
    }

    private static void WriteDataset(StringBuilder text, DatasetSpec dataset)
    {
        Line(text, "dataset:");
        Line(text, $"  name: {SpecWords.Quote(dataset.Name)}");
        var classes = dataset.ClassNames.Count > 0
            ? $"[{string.Join(", ", dataset.ClassNames.Select(SpecWords.Quote))}]"
            : OrNull(dataset.ClassCount);
        Line(text, $"  classes: {classes}");
        Line(text, $"  trainLimit: {OrNull(dataset.TrainLimit)}");
        Line(text, $"  testLimit: {OrNull(dataset.TestLimit)}");
    }

    private static void WriteOptimizer(StringBuilder text, OptimizerSpec optimizer)
    {
        Line(text, "optimizer:");
        Line(text, $"  kind: {SpecWords.Of(optimizer.Kind)}");
        Line(text, $"  learningRate: {SpecWords.Of(optimizer.LearningRate)}");
        if (optimizer.Kind is OptimizerKind.Sgd or OptimizerKind.Muon)
        {
            Line(text, $"  momentum: {SpecWords.Of(optimizer.Momentum)}");
            Line(text, $"  nesterov: {SpecWords.Of(optimizer.Nesterov)}");
        }
        else
        {
            Line(text, $"  beta1: {SpecWords.Of(optimizer.Beta1)}");
            Line(text, $"  beta2: {SpecWords.Of(optimizer.Beta2)}");
            Line(text, $"  epsilon: {SpecWords.Of(optimizer.Epsilon)}");
        }
        if (optimizer.Kind == OptimizerKind.Muon)
            Line(text, $"  newtonSchulzSteps: {SpecWords.Of(optimizer.NewtonSchulzSteps)}");
        Line(text, $"  weightDecay: {SpecWords.Of(optimizer.WeightDecay)}");
        WriteGroups(text, optimizer);
        if (optimizer.Lookahead is { } lookahead)
        {
            Line(text, $"  lookahead: {{everySteps: {SpecWords.Of(lookahead.EverySteps)}, "
                + $"finalDecay: {SpecWords.Of(lookahead.FinalDecay)}}}");
        }
    }

    private static void WriteGroups(StringBuilder text, OptimizerSpec optimizer)
    {
        if (optimizer.Groups.Count == 0)
            return;
        Line(text, "  groups:");
        foreach (var group in optimizer.Groups)
        {
            var momentum = optimizer.Kind is OptimizerKind.Sgd or OptimizerKind.Muon
                ? $"momentum: {SpecWords.Of(group.Momentum)}, "
                : "";
            Line(text, $"    {SpecWords.Of(group.Parameters)}: "
                + $"{{rateFactor: {SpecWords.Of(group.RateFactor)}, {momentum}"
                + $"weightDecay: {SpecWords.Of(group.WeightDecay)}}}");
        }
    }

    private static void WriteSchedule(StringBuilder text, ScheduleSpec schedule)
    {
        Line(text, "schedule:");
        Line(text, $"  kind: {SpecWords.Of(schedule.Kind)}");
        if (schedule.Kind == ScheduleKind.OneCycle)
        {
            Line(text, $"  initialFraction: {SpecWords.Of(schedule.InitialFraction)}");
            Line(text, $"  riseFraction: {SpecWords.Of(schedule.RiseFraction)}");
        }
        else
        {
            Line(text, $"  warmupSteps: {SpecWords.Of(schedule.WarmupSteps)}");
            Line(text, $"  warmupEpochs: {SpecWords.Of(schedule.WarmupEpochs)}");
        }
        if (schedule.Kind == ScheduleKind.Step)
        {
            Line(text, $"  stepEpochs: {SpecWords.Of(schedule.StepEpochs)}");
            Line(text, $"  gamma: {SpecWords.Of(schedule.Gamma)}");
        }
        if (schedule.Kind is ScheduleKind.Cosine or ScheduleKind.OneCycle)
            Line(text, $"  finalFraction: {SpecWords.Of(schedule.FinalFraction)}");
    }

    private static void WriteLayers(
        StringBuilder text, ValueList<LayerSpec> layers, string indent)
    {
        foreach (var layer in layers)
        {
            if (layer is not ResidualLayer residual)
            {
                Line(text, $"{indent}- {Describe(layer)}");
                continue;
            }
            Line(text, $"{indent}- residual:");
            Line(text, $"{indent}    name: {SpecWords.Quote(residual.Name)}");
            WriteBlock(text, "layers", residual.Layers, $"{indent}    ");
            WriteBlock(text, "shortcut", residual.Shortcut, $"{indent}    ");
        }
    }

    private static void WriteBlock(
        StringBuilder text, string key, ValueList<LayerSpec> layers, string indent)
    {
        Line(text, layers.Count == 0 ? $"{indent}{key}: []" : $"{indent}{key}:");
        WriteLayers(text, layers, indent);
    }

    private static string Describe(LayerSpec layer) => layer switch
    {
        ConvLayer conv =>
            $"conv: {{name: {SpecWords.Quote(conv.Name)}, filters: {SpecWords.Of(conv.Filters)}, "
            + $"kernel: {SpecWords.Of(conv.Kernel)}, stride: {SpecWords.Of(conv.Stride)}, "
            + $"padding: {(conv.Padding is { } padding ? SpecWords.Of(padding) : "same")}, "
            + $"groups: {SpecWords.Of(conv.Groups)}, bias: {SpecWords.Of(conv.Bias)}}}",
        WhiteningLayer whitening =>
            $"whitening: {{name: {SpecWords.Quote(whitening.Name)}, "
            + $"kernel: {SpecWords.Of(whitening.Kernel)}, "
            + $"samples: {SpecWords.Of(whitening.Samples)}, "
            + $"epsilon: {SpecWords.Of(whitening.Epsilon)}, biasEpochs: "
            + $"{(whitening.BiasEpochs is { } epochs ? SpecWords.Of(epochs) : "null")}}}",
        BatchNormLayer norm =>
            $"batchNorm: {{name: {SpecWords.Quote(norm.Name)}, "
            + $"momentum: {SpecWords.Of(norm.Momentum)}, epsilon: {SpecWords.Of(norm.Epsilon)}"
            + $"{(norm.Scale ? "" : ", scale: false")}}}",
        MaxPoolLayer pool => $"maxPool: {Window(pool.Kernel, pool.Stride, pool.Padding)}",
        AveragePoolLayer pool => $"avgPool: {Window(pool.Kernel, pool.Stride, pool.Padding)}",
        ScaleLayer scale => $"scale: {SpecWords.Of(scale.Factor)}",
        DropoutLayer dropout => $"dropout: {SpecWords.Of(dropout.Probability)}",
        LinearLayer linear =>
            $"linear: {{name: {SpecWords.Quote(linear.Name)}, "
            + $"features: {(linear.Features is { } count ? SpecWords.Of(count) : "classes")}, "
            + $"bias: {SpecWords.Of(linear.Bias)}}}",
        _ => LayerWords.KindOf(layer),
    };

    private static string Window(int kernel, int stride, int padding) =>
        $"{{kernel: {SpecWords.Of(kernel)}, stride: {SpecWords.Of(stride)}, "
        + $"padding: {SpecWords.Of(padding)}}}";

    private static string OrNull(long? value) =>
        value is { } number ? SpecWords.Of(number) : "null";

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
