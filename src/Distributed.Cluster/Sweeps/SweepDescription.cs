using System.Globalization;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps;

/// <summary>
/// A sweep as it is submitted, checked as a whole. A configuration is a set of parameters; a trial
/// is one run of a configuration with one seed. The run spec travels as text: the coordinator only
/// knows the names of what varies.
/// </summary>
/// <param name="Name">For people.</param>
/// <param name="Folder">Absolute; on storage that the coordinator and all workers see.</param>
/// <param name="RunSpecification">The run spec that all trials share, YAML.</param>
/// <param name="Bindings">How drawn values get into it.</param>
/// <param name="Space">What varies.</param>
/// <param name="Sampler">Says which configurations are tried.</param>
/// <param name="Scheduler">Says which trials are worth going on with.</param>
/// <param name="Objectives">One or more; schedulers judge by the first.</param>
/// <param name="Limits">How much is tried, with what.</param>
/// <param name="RunSeeds">Each configuration is run with each of them.</param>
/// <param name="Epochs">Of a trial that is not stopped early.</param>
/// <param name="Seed">Of the sampler's and the scheduler's random numbers.</param>
/// <param name="IsDeterministic">What is decided does not depend on which trial is faster.</param>
/// <param name="Datasets">Every dataset that a trial may use.</param>
/// <param name="Commit">Of the program that submitted it; empty where it is not known.</param>
public sealed record SweepDescription(
    string Name, string Folder, string RunSpecification, IReadOnlyList<Binding> Bindings,
    SearchSpace Space, SamplerSpec Sampler, SchedulerSpec Scheduler,
    IReadOnlyList<Objective> Objectives, SweepLimits Limits, IReadOnlyList<ulong> RunSeeds,
    int Epochs, ulong Seed, bool IsDeterministic, IReadOnlyList<DatasetSize> Datasets,
    string Commit)
{
    /// <summary>Configurations that can be tried; the last one perhaps not with all
    /// seeds.</summary>
    public int ConfigurationOf(int trial) => trial / RunSeeds.Count;

    public ulong RunSeedOf(int trial) => RunSeeds[trial % RunSeeds.Count];

    /// <summary>The folder of a trial's run, such as FOLDER/trials/0017.</summary>
    public string FolderOf(int trial) =>
        string.Create(CultureInfo.InvariantCulture, $"{Folder}/trials/{trial:0000}");
}

/// <summary>
/// Sets one key of the run spec, such as model.conv[0].filters, to a YAML value in which the map
/// {$: NAME} stands for the drawn value of that dimension, {$: NAME, is: {OPTION: VALUE}} for what
/// goes with the option that a choice took, and a list item {$repeat: NAME, items: […]} for so many
/// times these items. Where a named dimension is not there, nothing is set.
/// </summary>
public sealed record Binding(string Key, string Template);

/// <summary>What is to be made as small or as large as possible.</summary>
public sealed record Objective(ObjectiveMetric Metric, bool IsMaximized)
{
    /// <summary>The metric so that less is better; NaN stays NaN.</summary>
    public double Loss(double value) => IsMaximized ? -value : value;
}

/// <summary>A figure of a trial, after its last epoch.</summary>
public enum ObjectiveMetric
{
    TestAccuracy,
    TestLoss,
    TrainLoss,
    TrainAccuracy,

    /// <summary>Of training, all epochs together, evaluation not counted.</summary>
    ImagesPerSecond,

    /// <summary>How many numbers the network learns.</summary>
    Parameters,

    /// <summary>Floating-point operations to classify one image.</summary>
    Flops,
}

/// <summary>How much a sweep tries, with what.</summary>
/// <param name="Trials">In all, each seed of a configuration counted.</param>
/// <param name="ConcurrentTrials">At most so many run at a time; 0: as many as there are workers
/// for. A deterministic sweep whose sampler learns needs a number.</param>
/// <param name="WorkersPerTrial">Each trial trains on so many workers.</param>
/// <param name="Duration">No trial is begun later than that after the first one; null: no
/// limit.</param>
/// <param name="RetriesMax">A trial that broke is tried again so often.</param>
public sealed record SweepLimits(
    int Trials, int ConcurrentTrials, int WorkersPerTrial, TimeSpan? Duration, int RetriesMax);

/// <summary>A dataset as it is without limits.</summary>
/// <param name="Key">Name and choice of classes, as the run spec has them.</param>
public sealed record DatasetSize(
    string Key, int TrainSamples, int TestSamples, int Channels, int Height, int Width,
    int Classes);
