using System.Globalization;

namespace Distributed.Cli.Commands;

/// <summary>
/// The flags of `train` as they were given; null means not given, so that the run spec's own
/// default holds.
/// </summary>
internal sealed record TrainOptions
{
    public const int DefaultWorkers = 2;

    public string? Dataset { get; init; }

    /// <summary>A preset's name or a YAML file: see <see cref="ModelFile"/>.</summary>
    public string? Model { get; init; }

    public IReadOnlyList<string> Settings { get; init; } = [];

    public int? Workers { get; init; }

    /// <summary>HOST:PORT of a running cluster's coordinators: any of them.</summary>
    public IReadOnlyList<string>? Cluster { get; init; }

    /// <summary>The configuration with the cluster's security, by its full path; null for that of
    /// the environment.</summary>
    public string? Configuration { get; init; }

    public double? Epochs { get; init; }

    public long? Steps { get; init; }

    public int? GlobalBatch { get; init; }

    public int? LogicalShards { get; init; }

    public string? Optimizer { get; init; }

    public double? LearningRate { get; init; }

    public string? Schedule { get; init; }

    public ulong? Seed { get; init; }

    public string? Device { get; init; }

    public string? Precision { get; init; }

    public int? ThreadsPerWorker { get; init; }

    public string? Reduction { get; init; }

    public string? Compression { get; init; }

    public string? Transport { get; init; }

    public int? TrainLimit { get; init; }

    public int? TestLimit { get; init; }

    public string? OutputFolder { get; init; }

    public bool Resume { get; init; }

    public long? CheckpointEvery { get; init; }

    public bool Json { get; init; }

    /// <summary>Processes to start on this machine.</summary>
    public int WorkerCount => Workers ?? DefaultWorkers;

    /// <summary>
    /// The file that holds the spec or the model, null when the model is a preset.
    /// </summary>
    public string? ModelFile =>
        Model is { } model && (IsYaml(model) || model.Contains('/', StringComparison.Ordinal))
            ? model
            : null;

    /// <summary>
    /// The flags as settings of the run spec, `KEY=VALUE` each; `--set` comes last and so wins.
    /// </summary>
    public IReadOnlyList<string> SpecificationOverrides()
    {
        var overrides = new List<string>();
        Add("dataset.name", Dataset);
        Add("model", ModelFile is null ? Model : null);
        Add("epochs", Epochs);
        Add("steps", Steps);
        Add("globalBatch", GlobalBatch);
        Add("logicalShards", LogicalShards);
        Add("optimizer.kind", Optimizer);
        Add("optimizer.learningRate", LearningRate);
        Add("schedule.kind", Schedule);
        Add("seed", Seed);
        Add("device", Device);
        Add("precision", Precision);
        Add("threadsPerWorker", ThreadsPerWorker);
        Add("reduction", Reduction);
        Add("compression", Compression);
        Add("transport", Transport);
        Add("dataset.trainLimit", TrainLimit);
        Add("dataset.testLimit", TestLimit);
        Add("checkpointEvery", CheckpointEvery);
        overrides.AddRange(Settings);
        return overrides;

        void Add<T>(string key, T? value)
        {
            if (value is not null)
                overrides.Add(string.Create(CultureInfo.InvariantCulture, $"{key}={value}"));
        }
    }

    private static bool IsYaml(string model) =>
        model.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase)
        || model.EndsWith(".yml", StringComparison.OrdinalIgnoreCase);
}
