using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Tests.Specification;

/// <summary>Draws valid specs of every form from a seed.</summary>
internal sealed class RandomSpecs
{
    private readonly Random random;

    private RandomSpecs(int seed) => random = new Random(seed);

    public static RunSpec Make(int seed) => new RandomSpecs(seed).Spec();

    private RunSpec Spec()
    {
        var batch = random.Next(1, 2000);
        var reduction = Pick<ReductionMode>();
        var device = Device();
        return new RunSpec
        {
            Name = $"run-{random.Next()}",
            Dataset = Dataset(),
            Augmentation = new AugmentationSettings
            {
                CropPaddingPixels = random.Next(9),
                CropPaddingMode = Pick<CropPaddingMode>(),
                HorizontalFlip = Pick<FlipMode>(),
                CutoutPixels = random.Next(9),
                TranslatePixels = random.Next(9),
            },
            Model = new ModelSpec("own", Pick<InitializationKind>(), Layers(0, "")),
            Optimizer = Optimizer(),
            Schedule = Schedule(),
            LabelSmoothing = Fraction(),
            Epochs = Coin() ? random.Next(1, 100) : 0.01 + Fraction(),
            TestTimeAugmentation = Pick<TestTimeAugmentation>(),
            Steps = Coin() ? null : random.NextInt64(1, long.MaxValue),
            GlobalBatch = batch,
            LogicalShards = RunSpec.DefaultLogicalShards(batch),
            Seed = (ulong)random.NextInt64() * 2,
            Reduction = reduction,
            Compression = reduction == ReductionMode.Fast
                ? Pick<CompressionKind>()
                : CompressionKind.None,
            Transport = device.Kind == DeviceKind.Cpu
                ? TransportKind.Shm
                : Pick<TransportKind>(),
            Device = device,
            Precision = Pick<PrecisionKind>(),
            ThreadsPerWorker = random.Next(1, 9),
            CheckpointEvery = Coin() ? null : random.Next(1, 1000),
            KeepCheckpoints = random.Next(1, 9),
            ParameterHashEvery = random.Next(1, 1000),
            TensorBoard = Pick<TensorBoardLevel>(),
        };
    }

    private DeviceRequest Device()
    {
        DeviceKind kind = Pick<DeviceKind>();
        return new(kind, kind == DeviceKind.Cuda && Coin() ? random.Next(0, 8) : null);
    }

    private DatasetSpec Dataset()
    {
        string[] names = ["./a b", "/x/#y: z", "./\"q\"\\", "./ünï/☃", "./tab\tnew\nline", "a/..."];
        return new DatasetSpec(
            names[random.Next(names.Length)],
            null,
            Coin() ? [] : ["cat", "the dog", "- x", "null", "1e3", "", "[a]", "é"],
            null,
            Coin() ? null : random.Next(1, 99)) switch
        {
            // An empty class name is refused, so it is taken out again here.
            var dataset => dataset with
            {
                ClassNames = [.. dataset.ClassNames.Where(name => name.Length > 0)],
            },
        };
    }

    private ValueList<LayerSpec> Layers(int depth, string prefix)
    {
        var layers = new List<LayerSpec>();
        var count = random.Next(1, 8);
        for (var index = 0; index < count; index++)
            layers.Add(Layer($"{prefix}x{index}", depth));
        return [.. layers];
    }

    private LayerSpec Layer(string name, int depth) => random.Next(depth < 2 ? 13 : 12) switch
    {
        0 => new ConvLayer(
            name, random.Next(1, 99), random.Next(1, 9), random.Next(1, 3),
            Coin() ? null : random.Next(4), random.Next(1, 3), Coin()),
        1 => new BatchNormLayer(name, 0.001 + Fraction() / 2, 1e-5 * (0.5 + Fraction()), Coin()),
        2 => new ReluLayer(),
        3 => new GeluLayer(),
        4 => new MaxPoolLayer(random.Next(1, 4), random.Next(1, 4), random.Next(2)),
        5 => new AveragePoolLayer(random.Next(1, 4), random.Next(1, 4), random.Next(2)),
        6 => new GlobalAveragePoolLayer(),
        7 => new DropoutLayer(Fraction()),
        8 => new FlattenLayer(),
        9 => new LinearLayer(name, Coin() ? null : random.Next(1, 999), Coin()),
        10 => new WhiteningLayer(
            name, random.Next(1, 4), random.Next(2, 9_999), Positive(),
            Coin() ? null : Fraction()),
        11 => new ScaleLayer(Positive()),
        _ => new ResidualLayer(
            name + ".b", Layers(depth + 1, "i"), Coin() ? [] : Layers(depth + 1, "s")),
    };

    private OptimizerSpec Optimizer()
    {
        var optimizer = Pick<OptimizerKind>() switch
        {
            OptimizerKind.Sgd => OptimizerSpec.Sgd(
                Positive(), 0.1 + (Fraction() / 2), Coin(), Fraction()),
            OptimizerKind.Adam => OptimizerSpec.Adam(Positive(), Fraction()) with
            {
                Beta1 = Fraction(),
                Beta2 = Fraction(),
                Epsilon = Positive(),
            },
            OptimizerKind.Muon => OptimizerSpec.Muon(
                Positive(), 0.1 + (Fraction() / 2), Coin(), random.Next(1, 9), Fraction()),
            _ => OptimizerSpec.AdamW(Positive(), Fraction()),
        };
        var hasMomentum = optimizer.Kind is OptimizerKind.Sgd or OptimizerKind.Muon;
        var kinds = Enum.GetValues<ParameterKind>().Where(kind =>
            Coin() && !(kind == ParameterKind.Filters && optimizer.Kind == OptimizerKind.Muon));
        return optimizer with
        {
            Groups =
            [
                .. kinds.Select(kind => new ParameterGroupSpec(
                    kind, Fraction(), hasMomentum ? Fraction() : 0, Fraction())),
            ],
            Lookahead = Coin() ? null : new LookaheadSpec(random.Next(1, 9), Fraction()),
        };
    }

    private ScheduleSpec Schedule()
    {
        var schedule = Pick<ScheduleKind>() switch
        {
            ScheduleKind.Constant => ScheduleSpec.Constant,
            ScheduleKind.Step => ScheduleSpec.Step(random.Next(1, 9), 0.1 + (Fraction() / 2)),
            ScheduleKind.Cosine => ScheduleSpec.Cosine(Fraction()),
            _ => ScheduleSpec.OneCycle(Fraction(), Fraction(), Fraction()),
        };
        if (schedule.Kind == ScheduleKind.OneCycle)
            return schedule;
        return Coin()
            ? schedule with { WarmupSteps = random.Next(100) }
            : schedule with { WarmupEpochs = Fraction() };
    }

    private T Pick<T>() where T : struct, Enum
    {
        var values = Enum.GetValues<T>();
        return values[random.Next(values.Length)];
    }

    private bool Coin() => random.Next(2) == 0;

    private double Fraction() => random.NextDouble();

    private double Positive() => random.NextDouble() * Math.Pow(10, random.Next(-12, 3)) + 1e-300;
}
