namespace Distributed.Process.Tests;

/// <summary>What is trained, as flags of `train`.</summary>
internal sealed record Recipe(string Name, int Steps, Func<Workplace, string[]> Flags)
{
    public const int TrainSamples = DrawnImages.ClassCount * DrawnImages.TrainPerClass;

    private const int CourseBatch = 64;
    private const int NormBatch = 44;

    private const string Momentum = """
          kind: sgd
          learningRate: 0.02
          momentum: 0.9
          weightDecay: 1e-4
        """;

    private const string Adam = """
          kind: adam
          learningRate: 0.002
        """;

    /// <summary>Adam on the preset; the last batch of an epoch is a partial one.</summary>
    public static Recipe CourseCnn { get; } = Course("course", epochs: 3);

    /// <summary>Many enough steps to be disturbed at some of them.</summary>
    public static Recipe LongCourseCnn { get; } = Course("long-course", epochs: 40);

    /// <summary>By the trainer that keeps the state on the device, which is the CPU here.</summary>
    public static Recipe Bf16 { get; } = Course("bf16", epochs: 2, "--precision", "bf16");

    /// <summary>Many enough steps for a worker to be killed at one of them.</summary>
    public static Recipe LongBf16 { get; } = Course(
        "long-bf16", epochs: 8, "--precision", "bf16");

    /// <summary>Takes a minute or two.</summary>
    public static Recipe VeryLongCourseCnn { get; } = Course("very-long-course", epochs: 500);

    /// <summary>
    /// SGD with momentum; the last batch of an epoch has fewer samples than there are shards.
    /// </summary>
    public static Recipe Norm { get; } = OwnNetwork("norm", epochs: 3, Momentum);

    public static Recipe LongNorm { get; } = OwnNetwork("long-norm", epochs: 40, Momentum);

    /// <summary>All state that there is: running statistics, moments, drawn masks.</summary>
    public static Recipe LongAdamNorm { get; } = OwnNetwork("long-adam-norm", epochs: 40, Adam);

    public int StepsPerEpoch { get; private init; }

    public int Epochs => Steps / StepsPerEpoch;

    /// <summary>For the rows of a theory, which hold names.</summary>
    public static Recipe Of(string name) =>
        new[] { LongCourseCnn, LongAdamNorm }.Single(recipe => recipe.Name == name);

    public override string ToString() => Name;

    private static Recipe Course(string name, int epochs, params string[] more) => new(
        name, epochs * StepsIn(CourseBatch),
        // A constant rate, because some tests first run fewer steps than there are.
        _ =>
        [
            "--model", "course-cnn", "--schedule", "constant", "--global-batch", $"{CourseBatch}",
            "--epochs", $"{epochs}", .. more,
        ])
    {
        StepsPerEpoch = StepsIn(CourseBatch),
    };

    private static Recipe OwnNetwork(string name, int epochs, string optimizer) => new(
        name, epochs * StepsIn(NormBatch),
        workplace =>
        {
            string file = Path.Combine(workplace.Folder, $"{name}.yaml");
            File.WriteAllText(file, NormSpecification(optimizer));
            return ["--model", file, "--epochs", $"{epochs}"];
        })
    {
        StepsPerEpoch = StepsIn(NormBatch),
    };

    // Batch norm, dropout and augmentation: all that a shard draws or measures for itself.
    private static string NormSpecification(string optimizer) => $$"""
        augmentation:
          cropPadding: 2
          horizontalFlip: true
        model:
          name: norm
          layers:
            - conv: {filters: 8, kernel: 3}
            - batchNorm
            - relu
            - maxPool: 2
            - dropout: 0.25
            - conv: {filters: 12, kernel: 3, stride: 2}
            - batchNorm
            - relu
            - flatten
            - dropout: 0.3
            - linear: classes
        optimizer:
        {{optimizer}}
        schedule:
          kind: cosine
        globalBatch: 44
        logicalShards: 8
        """;

    private static int StepsIn(int batch) => (TrainSamples + batch - 1) / batch;
}
