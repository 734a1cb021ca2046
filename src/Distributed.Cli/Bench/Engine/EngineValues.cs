using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;

namespace Distributed.Cli.Bench.Engine;

/// <summary>
/// What one device computes in one precision of every <see cref="EngineCase"/>, from numbers that
/// are the same for all of them. Runs in a process of its own, because a process has one device.
/// </summary>
internal sealed class EngineValues(TrainerPrecision precision, Action<EngineSection> found)
{
    private const int Images = 48;
    private const int Shards = 2;
    private const int ShardSamples = 16;
    private const int Steps = 3;

    /// <summary>
    /// Small: steps are to show the optimizer's arithmetic, not how networks magnify what little
    /// they differ in.
    /// </summary>
    private const double LearningRate = 1e-3;

    private const double LossScale = 1.0 / (Shards * ShardSamples);

    private bool IsReference => precision == TrainerPrecision.Double;

    public void Compute(IReadOnlyList<string> names)
    {
        foreach (EngineCase checkedCase in EngineCase.All.Where(
            each => names.Contains(each.Name)))
            Compute(checkedCase);
    }

    private void Compute(EngineCase checkedCase)
    {
        string name = checkedCase.Name;
        using DeviceTrainer trainer = Create(checkedCase, captures: true);
        using NativeBuffer gradients = NativeBuffer.Of(
            trainer.Type, trainer.Layout.GradientLength);
        var logits = new float[Images * trainer.Layout.Classes];
        trainer.Evaluate(SampleSet.Test, [.. Enumerable.Range(0, Images).Select(Plain)], logits);
        found(new($"{name}: evaluation", [.. logits.Select(logit => (double)logit)]));
        double[] before = Parameters(trainer);
        for (int step = 1; step <= Steps; step++)
        {
            trainer.Compute(
                Samples(checkedCase.Input, step), TwoShards(step), LossScale, Votes, gradients,
                bucketReady: null);
            if (step == 1)
                Report(name, trainer.Layout, Read(gradients, trainer.Layout.GradientLength));
            trainer.Update(gradients, UpdateOf(step, checkedCase));
        }

        double[] after = Parameters(trainer);
        found(new(
            $"{name}: {Steps} steps of {checkedCase.Optimizer.Kind}",
            [.. after.Zip(before, (end, begin) => end - begin)], IsOfGradients: true));
        if (IsReference)
            return;
        CheckBits($"{name}: a step in one call", checkedCase, captures: true, after);
        CheckBits($"{name}: a step without capture", checkedCase, captures: false, after);
    }

    private void Report(string name, ModelLayout layout, double[] gradients)
    {
        found(new(
            $"{name}: gradients", gradients[..(int)layout.ParameterLength],
            IsOfGradients: true));
        if (layout.StatisticsLength > 0)
        {
            found(new(
                $"{name}: batch statistics",
                gradients.AsSpan((int)layout.ParameterLength, (int)layout.StatisticsLength)
                    .ToArray()));
        }

        found(new($"{name}: loss", [gradients[^TorchModel.TrailerLength]]));
    }

    /// <summary>The same steps another way must end in the same bits.</summary>
    private void CheckBits(string name, EngineCase checkedCase, bool captures, double[] expected)
    {
        using DeviceTrainer trainer = Create(checkedCase, captures);
        var trailer = new float[TorchModel.TrailerLength];
        for (int step = 1; step <= Steps; step++)
        {
            trainer.Step(
                Samples(checkedCase.Input, step), TwoShards(step), LossScale, Votes,
                UpdateOf(step, checkedCase), trailer);
        }

        double[] actual = Parameters(trainer);
        int different = expected.Zip(actual).Count(pair => !pair.First.Equals(pair.Second));
        found(EngineSection.OfBits($"{name} has the same bits", different));
    }

    private DeviceTrainer Create(EngineCase checkedCase, bool captures)
    {
        DeviceTrainer trainer = DeviceTrainer.Create(checkedCase.Text, new TrainerSettings(
            precision, IsExact: true, captures, Shards, Math.Max(Images, ShardSamples),
            BucketBytes: 1 << 20));
        try
        {
            Fill(trainer, checkedCase);
            return trainer;
        }
        catch
        {
            trainer.Dispose();
            throw;
        }
    }

    private static void Fill(DeviceTrainer trainer, EngineCase checkedCase)
    {
        ImageShape shape = checkedCase.Input;
        byte[] pixels = [.. Enumerable.Range(0, Images).SelectMany(image => Draw(image, shape))];
        int[] labels =
        [
            .. Enumerable.Range(0, Images).Select(image => image % trainer.Layout.Classes),
        ];
        float[] values =
        [
            .. Enumerable.Range(0, shape.Channels * 256).Select(
                at => (at % 256 / 255f - 0.45f - 0.02f * (at / 256)) / 0.25f),
        ];
        foreach (SampleSet set in new[] { SampleSet.Train, SampleSet.Test })
            trainer.Load(set, in pixels[0], labels, values);
        ModelLayout layout = trainer.Layout;
        using NativeBuffer parameters = NativeBuffer.Of(trainer.Type, layout.ParameterLength);
        using NativeBuffer statistics = NativeBuffer.Of(trainer.Type, layout.StatisticsLength);
        foreach (TensorInfo tensor in layout.Parameters)
            Fill(parameters, trainer.Type, tensor, Initial);
        foreach (TensorInfo tensor in layout.Statistics)
            Fill(statistics, trainer.Type, tensor, (info, _) => IsVariance(info) ? 1 : 0);
        trainer.WriteParameters(parameters);
        trainer.WriteStatistics(statistics);
        SetOptimizer(trainer, checkedCase, parameters);
    }

    /// <summary>
    /// Waves, because images of noise alone look all alike to a deep network: what is left of their
    /// gradients are differences of large numbers, in which every rounding shows.
    /// </summary>
    private static IEnumerable<byte> Draw(int image, ImageShape shape)
    {
        ulong key = CounterRandom.Key(1, (ulong)image);
        double angle = image * 0.7, waves = 0.2 + 0.05 * (image % 7);
        double brightness = 90 + image * 37 % 80;
        for (int at = 0; at < shape.Length; at++)
        {
            int pixel = at % (shape.Height * shape.Width);
            double along = pixel % shape.Width * Math.Cos(angle)
                + pixel / shape.Width * Math.Sin(angle) + at / (shape.Height * shape.Width);
            yield return (byte)(brightness + 50 * Math.Sin(waves * along)
                + 40 * CounterRandom.UnitDouble(key, (ulong)at));
        }
    }

    private static void SetOptimizer(
        DeviceTrainer trainer, EngineCase checkedCase, NativeBuffer parameters)
    {
        OptimizerSettings settings = checkedCase.Optimizer;
        bool isMuon = settings.Kind == OptimizerKind.Muon;
        int states = TorchOptimizer.StateBuffers(settings.Kind);
        trainer.SetOptimizer(
            [
                .. trainer.Layout.Parameters.Select(tensor => new TrainerStretch(
                    tensor.Offset, tensor.Length,
                    Rows: isMuon && IsFilters(tensor) ? tensor.Shape[0] : 0, long.MaxValue,
                    RateFactor: 1,
                    isMuon && !IsFilters(tensor)
                        ? settings with { Kind = OptimizerKind.Sgd }
                        : settings)),
            ],
            states + (checkedCase.HasLookahead ? 1 : 0), checkedCase.HasLookahead);
        if (checkedCase.HasLookahead)
            trainer.WriteOptimizer(states, parameters);
    }

    /// <summary>Every number fits into a float, so that all precisions begin alike.</summary>
    private static double Initial(TensorInfo tensor, double random)
    {
        if (tensor.Shape.Length > 1)
            return random * Math.Sqrt(6.0 * tensor.Shape[0] / tensor.Length);
        return tensor.Name.EndsWith("bias", StringComparison.Ordinal)
            ? 0.1 * random
            : 1 + 0.2 * random;
    }

    private static void Fill(
        NativeBuffer buffer, ElementType type, TensorInfo tensor,
        Func<TensorInfo, double, double> value)
    {
        ulong key = CounterRandom.Key(2, (ulong)tensor.Offset);
        for (int at = 0; at < tensor.Length; at++)
        {
            double random = 2 * CounterRandom.UnitDouble(key, (ulong)at) - 1;
            float single = (float)value(tensor, random);
            if (type == ElementType.Float64)
                buffer.AsSpan<double>()[(int)tensor.Offset + at] = single;
            else
                buffer.AsSpan<float>()[(int)tensor.Offset + at] = single;
        }
    }

    private static bool IsFilters(TensorInfo tensor) => tensor.Shape.Length == 4;

    private static bool IsVariance(TensorInfo tensor) =>
        tensor.Name.EndsWith("var", StringComparison.Ordinal);

    private static TrainerSample[] Samples(ImageShape shape, int step) =>
    [
        .. Enumerable.Range(0, Shards * ShardSamples).Select(at =>
        {
            ulong key = CounterRandom.Key(3, (ulong)step, (ulong)at);
            int Draw(ulong what, int count) => (int)CounterRandom.Below(key, what, (uint)count);
            int top = Draw(5, shape.Height), left = Draw(6, shape.Width);
            bool isCut = Draw(7, 4) == 0;
            return new TrainerSample(
                Draw(0, Images), CropRows: Draw(1, 5) - 2, CropColumns: Draw(2, 5) - 2,
                Flip: Draw(3, 2), Reflect: Draw(4, 2), CutoutTop: isCut ? top : 0,
                CutoutBottom: isCut ? Math.Min(top + 4, shape.Height) : 0,
                CutoutLeft: isCut ? left : 0,
                CutoutRight: isCut ? Math.Min(left + 4, shape.Width) : 0);
        }),
    ];

    private static TrainerSample Plain(int image) => new(image);

    private static ModelShard[] TwoShards(int step) =>
    [
        .. Enumerable.Range(0, Shards).Select(shard => new ModelShard(
            ShardSamples, CounterRandom.Key(4, (ulong)step, (ulong)shard), 1.0 / Shards)),
    ];

    private static TrainerUpdate UpdateOf(int step, EngineCase checkedCase) => new(
        LearningRate, step, checkedCase.HasLookahead && step == 2 ? 0.5 : 0,
        checkedCase.HasLookahead && step == Steps);

    private static float[] Votes { get; } = new float[DeviceTrainer.VotesLength];

    private static double[] Parameters(DeviceTrainer trainer)
    {
        using NativeBuffer buffer = NativeBuffer.Of(trainer.Type, trainer.Layout.ParameterLength);
        trainer.ReadParameters(buffer);
        return Read(buffer, trainer.Layout.ParameterLength);
    }

    private static double[] Read(NativeBuffer buffer, long length) =>
        buffer.ByteLength >= length * sizeof(double)
            ? buffer.AsSpan<double>()[..(int)length].ToArray()
            : [.. buffer.AsSpan<float>()[..(int)length].ToArray().Select(value => (double)value)];
}
