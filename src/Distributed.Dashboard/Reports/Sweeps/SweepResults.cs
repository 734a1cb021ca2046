using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>
/// What a sweep found, as its report needs it; a sweep that still runs may be given.
/// </summary>
public sealed record SweepResults
{
    public required string Name { get; init; }

    /// <summary>What the sweep is to find out, as a sentence; may be empty.</summary>
    public string Question { get; init; } = "";

    /// <summary>One or two; trials are ranked by the first.</summary>
    public required IReadOnlyList<SweepObjective> Objectives { get; init; }

    /// <summary>In the order in which they started.</summary>
    public required IReadOnlyList<SweepTrial> Trials { get; init; }

    /// <summary>Empty where it was not computed.</summary>
    public IReadOnlyList<DimensionImportance> Importance { get; init; } = [];

    /// <summary>
    /// Indices into <see cref="Trials"/> of those that no other one beats in every objective; empty
    /// with one objective.
    /// </summary>
    public IReadOnlyList<int> ParetoTrials { get; init; } = [];

    /// <summary>From the first trial's start to the last one's end; null where not known.</summary>
    public double? Seconds { get; init; }

    /// <summary>The command that runs the sweep again.</summary>
    public required string Command { get; init; }

    /// <summary>Commit, numerics fingerprint, machines.</summary>
    public IReadOnlyList<Fact> Environment { get; init; } = [];
}

/// <summary>What is to become large or small.</summary>
/// <param name="Name">As readers know it, such as "test accuracy".</param>
/// <param name="IsMaximized">Else less is better.</param>
/// <param name="IsShare">Shown as percents.</param>
public sealed record SweepObjective(string Name, bool IsMaximized, bool IsShare);

/// <summary>How much of the objective's variation a dimension explains, from 0 to 1.</summary>
public sealed record DimensionImportance(string Name, double Share);

/// <summary>One training run of a sweep.</summary>
public sealed record SweepTrial
{
    /// <summary>As the sweep counts its trials; each has its own.</summary>
    public required int Number { get; init; }

    /// <summary>Trials of one configuration differ by their seeds alone.</summary>
    public required int Configuration { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>In the space's order; a dimension that is not there has no entry.</summary>
    public required IReadOnlyList<ParameterValue> Parameters { get; init; }

    public required ObservationState State { get; init; }

    /// <summary>Why it was stopped or failed; may be empty.</summary>
    public string Reason { get; init; } = "";

    /// <summary>In order.</summary>
    public IReadOnlyList<TrialEpoch> Epochs { get; init; } = [];

    /// <summary>
    /// A value an objective of the sweep; empty where there are none. Of a trial that was stopped,
    /// those of its last epoch.
    /// </summary>
    public IReadOnlyList<double> Objectives { get; init; } = [];

    public double? ImagesPerSecond { get; init; }

    public long? ParameterCount { get; init; }

    public long? FlopsPerImage { get; init; }

    /// <summary>Empty where nothing was kept.</summary>
    public string RunFolder { get; init; } = "";

    /// <summary>Of the final parameters; empty where there are none.</summary>
    public string ParametersSha256 { get; init; } = "";

    /// <summary>How long all its epochs took.</summary>
    public double Seconds => Epochs.Sum(epoch => epoch.Seconds);
}

/// <summary>
/// A trial's figures after an epoch; NaN where not measured. Seconds are the epoch's own.
/// </summary>
public sealed record TrialEpoch(
    int Epoch, double TrainLoss, double TrainAccuracy, double TestLoss, double TestAccuracy,
    double Seconds);
