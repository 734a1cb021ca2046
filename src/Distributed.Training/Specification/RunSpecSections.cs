using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;

namespace Distributed.Training.Specification;

/// <summary>Reads each section of a run spec from its tree.</summary>
internal static class RunSpecSections
{
    private const int CountMax = 1 << 30;
    private const int PixelsMax = 1 << 16;

    internal const int EpochsMax = 1_000_000;

    public static RunSpec Run(
        SpecMap map, DatasetSpec dataset, string preset, LayerReader layers, SpecErrors errors)
    {
        var defaults = PresetDefaults.Of(preset, dataset.Name);
        var model = Model(map, layers, errors);
        var globalBatch = map.Int32("globalBatch", defaults.GlobalBatch, 1, 1 << 24);
        var spec = new RunSpec
        {
            Name = RunName(map, model, dataset),
            Dataset = dataset,
            Augmentation = Augmentation(map, defaults.Augmentation, errors),
            Model = model,
            Optimizer = OptimizerReader.Read(map, defaults.Optimizer, errors),
            Schedule = Schedule(map, defaults.Schedule, errors),
            LabelSmoothing = map.Double(
                "labelSmoothing", defaults.LabelSmoothing, SpecRange.BelowOne),
            Epochs = map.Double(
                "epochs", defaults.Epochs, new SpecRange(0, EpochsMax, MinExcluded: true)),
            Steps = map.Int64OrNull("steps", 1),
            TestTimeAugmentation = map.Word(
                "testTimeAugmentation", defaults.TestTimeAugmentation),
            GlobalBatch = globalBatch,
            LogicalShards = map.Int32(
                "logicalShards", RunSpec.DefaultLogicalShards(globalBatch), 1),
            Seed = map.UInt64("seed", 1),
            Reduction = map.Word("reduction", ReductionMode.Exact),
            Compression = map.Word("compression", CompressionKind.None),
            Transport = map.Word("transport", TransportKind.Auto),
            Device = Device(map),
            Precision = map.Word("precision", PrecisionKind.Fp32),
            ThreadsPerWorker = map.Int32("threadsPerWorker", 1, 1, 1024),
            CheckpointEvery = map.Int64OrNull("checkpointEvery", 1),
            KeepCheckpoints = map.Int32("keepCheckpoints", 3, 1, 1_000_000),
            ParameterHashEvery = map.Int32("parameterHashEvery", 100, 1),
            TensorBoard = map.Word("tensorboard", TensorBoardLevel.Auto),
        };
        // A run's own record is a spec with these beside it.
        map.Take(RunRecord.CommitKey);
        map.Take(RunRecord.NumericsKey);
        map.RefuseUnknown();
        return spec;
    }

    private static DeviceRequest Device(SpecMap map)
    {
        if (map.Text("device") is not { } text)
            return DeviceRequest.Auto;
        if (DeviceRequest.TryParse(text) is { } device)
            return device;
        map.Refuse("device", $"unknown value '{text}'; expected {DeviceRequest.Expected}");
        return DeviceRequest.Auto;
    }

    public static DatasetSpec? Dataset(SpecMap root, SpecErrors errors)
    {
        var map = SpecMap.Of(root.Take("dataset"), "dataset", errors, root.Where, "name");
        var name = map.Text("name") ?? RunSpecReader.DefaultDataset;
        var (count, names) = Classes(map);
        var dataset = new DatasetSpec(
            name, count, names, map.Int32OrNull("trainLimit", 1), map.Int32OrNull("testLimit", 1));
        map.RefuseUnknown();
        var isFolder = name.Contains('/', StringComparison.Ordinal) || Directory.Exists(name);
        if (DatasetFacts.KnownNames.Contains(name) || isFolder)
            return dataset;
        map.Refuse("name", $"unknown dataset '{name}'; "
            + $"{SpecErrors.KnownWords(name, DatasetFacts.KnownNames)} (or a folder of images)");
        return null;
    }

    /// <summary>`classes: 10` is the first ten, `classes: [cat, dog]` is these.</summary>
    private static (int? Count, ValueList<string> Names) Classes(SpecMap map)
    {
        if (map.Take("classes") is not { Kind: SpecNodeKind.List } list)
            return (map.Int32OrNull("classes", 2, CountMax), []);
        var names = list.Items
            .Where(item => item.Kind == SpecNodeKind.Scalar && item.Text.Length > 0)
            .Select(item => item.Text)
            .ToList();
        if (names.Count != list.Items.Count || names.Count < 2)
            map.Refuse("classes", "expected the names of two classes or more");
        else if (names.Distinct().Count() != names.Count)
            map.Refuse("classes", "a class is named twice; expected each once");
        return (null, [.. names]);
    }

    private static AugmentationSettings Augmentation(
        SpecMap root, AugmentationSettings defaults, SpecErrors errors)
    {
        if (root.Take("augmentation") is { Kind: SpecNodeKind.Scalar, Text: "none" })
            return AugmentationSettings.None;
        var map = SpecMap.Of(root.Take("augmentation"), "augmentation", errors, root.Where);
        var reflects = defaults.CropPaddingMode == CropPaddingMode.Reflect;
        var augmentation = new AugmentationSettings
        {
            CropPaddingPixels = map.Int32("cropPadding", defaults.CropPaddingPixels, 0, PixelsMax),
            CropPaddingMode = map.Bool("reflectPadding", reflects)
                ? CropPaddingMode.Reflect
                : CropPaddingMode.Zero,
            HorizontalFlip = Flip(map, defaults.HorizontalFlip),
            CutoutPixels = map.Int32("cutoutSize", defaults.CutoutPixels, 0, PixelsMax),
            TranslatePixels = map.Int32("translatePixels", defaults.TranslatePixels, 0, PixelsMax),
        };
        map.RefuseUnknown();
        return augmentation;
    }

    /// <summary>A yes means a flip drawn at random, which is what most flips are.</summary>
    private static FlipMode Flip(SpecMap map, FlipMode preset)
    {
        const string key = "horizontalFlip";
        if (map.Text(key) is not { } word)
            return preset;
        foreach (var mode in Enum.GetValues<FlipMode>())
        {
            if (SpecWords.OfFlip(mode) == word)
                return mode;
        }
        map.Refuse(key, $"'{word}'; expected true, false or alternating");
        return preset;
    }

    private static ModelSpec Model(SpecMap root, LayerReader layers, SpecErrors errors)
    {
        var map = SpecMap.Of(root.Take("model"), "model", errors, root.Where);
        var name = map.Text("name") ?? "own";
        if (!RunSpecChecks.IsFileName(name))
            map.Refuse("name", $"'{name}'; expected {RunSpecChecks.FileNameWords}");
        var model = new ModelSpec(
            name,
            map.Word("initialization", InitializationKind.KaimingUniform),
            layers.Read(map.Take("layers"), "model.layers", map.WhereOf("layers")));
        if (map.Has("preset"))
            map.Take("preset");
        map.RefuseUnknown();
        return model;
    }

    private static ScheduleSpec Schedule(SpecMap root, ScheduleSpec preset, SpecErrors errors)
    {
        var map = SpecMap.Of(root.Take("schedule"), "schedule", errors, root.Where, "kind");
        var kind = map.Word("kind", preset.Kind);
        var schedule = kind == preset.Kind ? preset : ScheduleSpec.DefaultOf(kind);
        if (kind is ScheduleKind.Cosine or ScheduleKind.OneCycle)
        {
            schedule = schedule with
            {
                FinalFraction = map.Double(
                    "finalFraction", schedule.FinalFraction, SpecRange.Fraction),
            };
        }
        if (kind == ScheduleKind.Step)
        {
            schedule = schedule with
            {
                StepEpochs = map.Int32("stepEpochs", schedule.StepEpochs, 1),
                Gamma = map.Double("gamma", schedule.Gamma, SpecRange.PositiveFraction),
            };
        }
        if (kind == ScheduleKind.OneCycle)
        {
            schedule = schedule with
            {
                InitialFraction = map.Double(
                    "initialFraction", schedule.InitialFraction, SpecRange.Fraction),
                RiseFraction = map.Double(
                    "riseFraction", schedule.RiseFraction, SpecRange.Fraction),
            };
        }
        else
        {
            schedule = Warmup(map, schedule);
        }
        map.RefuseUnknown(key => IsScheduleKey(key)
            ? $"{SpecWords.Of(kind)} has no such setting; remove it or choose another kind"
            : null);
        return schedule;
    }

    private static ScheduleSpec Warmup(SpecMap map, ScheduleSpec schedule)
    {
        // Whoever gives one of the two means it instead of the preset's other.
        var steps = map.Int32("warmupSteps", map.Has("warmupEpochs") ? 0 : schedule.WarmupSteps, 0);
        var epochs = map.Double(
            "warmupEpochs", map.Has("warmupSteps") ? 0 : schedule.WarmupEpochs,
            new SpecRange(0, EpochsMax));
        if (steps > 0 && epochs > 0)
            map.Refuse("warmupEpochs", "given beside warmupSteps; expected one of the two");
        return schedule with { WarmupSteps = steps, WarmupEpochs = epochs };
    }

    private static bool IsScheduleKey(string key) =>
        key is "warmupSteps" or "warmupEpochs" or "stepEpochs" or "gamma" or "initialFraction"
            or "riseFraction" or "finalFraction";

    private static string RunName(SpecMap map, ModelSpec model, DatasetSpec dataset)
    {
        if (map.Text("name") is { } given)
        {
            if (!RunSpecChecks.IsFileName(given))
                map.Refuse("name", $"'{given}'; expected {RunSpecChecks.FileNameWords}");
            return given;
        }
        // A folder may be called anything; the run's own folder is named after it.
        var folder = Path.GetFileName(dataset.Name.TrimEnd('/'));
        var letters = folder.Select(letter => RunSpecChecks.IsFileLetter(letter) ? letter : '-');
        return $"{model.Name}-{new string([.. letters])}";
    }
}
