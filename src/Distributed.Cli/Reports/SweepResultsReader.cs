using Distributed.Cli.Bench;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Sweeps;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using Distributed.Training.Specification;
using Share = Distributed.Dashboard.Reports.Sweeps.DimensionImportance;

namespace Distributed.Cli.Reports;

/// <summary>
/// What a sweep's report needs: from the sweep's decisions, from its trials' metrics.jsonl, and
/// from their analysis. The sweep may still run.
/// </summary>
internal static class SweepResultsReader
{
    /// <summary>Reports are about one or two objectives.</summary>
    private const int ObjectivesMax = 2;

    /// <summary>
    /// The forest's time grows with the square of this; more samples would not change what it says.
    /// </summary>
    private const int ImportanceSamplesMax = 1500;

    /// <param name="folder">The sweep's, which may have been moved since.</param>
    /// <param name="state">What is known of it.</param>
    /// <param name="known">What its folder says of it.</param>
    /// <param name="labels">What the report calls its dimensions.</param>
    /// <param name="question">What it is to find out; may be empty.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="Kernel.OperatingException">A trial's metrics are no longer what a run
    /// wrote.</exception>
    public static SweepResults Read(
        string folder, SweepState state, SweepFolder known, ParameterLabels labels,
        string question, CancellationToken cancellation)
    {
        SweepDescription description = state.Description;
        Objective[] objectives = [.. description.Objectives.Take(ObjectivesMax)];
        var trials = new SweepTrial[state.Trials.Count];
        Parallel.For(
            0, trials.Length, new ParallelOptions { CancellationToken = cancellation },
            number => trials[number] = TrialOf(
                state, state.Trials[number], TrialFolder(folder, number), objectives, labels));
        return new SweepResults
        {
            Name = description.Name,
            Question = question,
            Objectives = [.. objectives.Select(ObjectiveOf)],
            Trials = trials,
            Importance = Importance(state, labels),
            ParetoTrials = Pareto(trials, objectives),
            Seconds = Seconds(state),
            Command = known.Command
                ?? $"./distributed sweep {Path.Combine(folder, SweepFolder.SpecificationFile)}",
            Environment = Environment(folder, state),
        };
    }

    /// <summary>The folder of a trial's run, wherever the sweep's folder is now.</summary>
    public static string TrialFolder(string folder, int trial) =>
        Path.Combine(folder, "trials", $"{trial:0000}");

    /// <summary>
    /// The trials' first objective as a loss, all after the same epoch where that can be:
    /// schedulers stop trials early, and most have come to the epoch that is chosen.
    /// </summary>
    internal static IReadOnlyList<ParameterSample> Samples(SweepState state)
    {
        TrialState[] trials =
        [
            .. state.Trials.Where(
                trial => trial.End is not TrialEnd.Failed && trial.Results.Count > 0),
        ];
        bool areStopped = trials.Any(trial => trial.End is TrialEnd.Stopped);
        int epoch = !areStopped ? 0 : trials
            .SelectMany(trial => trial.Results).GroupBy(result => result.Epoch)
            .OrderByDescending(group => group.Count()).ThenByDescending(group => group.Key)
            .First().Key;
        Objective objective = state.Description.Objectives[0];
        return
        [
            .. from trial in trials
               let result = areStopped
                   ? trial.Results.FirstOrDefault(result => result.Epoch == epoch)
                   : trial.End is TrialEnd.Completed ? trial.Results[^1] : null
               where result is not null
               select new ParameterSample(
                   trial.Parameters, objective.Loss(trial.Value(objective.Metric, result))),
        ];
    }

    private static IReadOnlyList<Share> Importance(SweepState state, ParameterLabels labels)
    {
        IReadOnlyList<ParameterSample> samples = Samples(state);
        if (samples.Count > ImportanceSamplesMax)
        {
            samples =
            [
                .. Enumerable.Range(0, ImportanceSamplesMax).Select(
                    index => samples[(int)((long)index * samples.Count / ImportanceSamplesMax)]),
            ];
        }
        Importances? found = ParameterImportance.Of(
            state.Description.Space, samples, state.Description.Seed);
        return found is null
            ? []
            : [
                .. found.Dimensions.Select(
                    dimension => new Share(labels.NameOf(dimension.Name), dimension.Share)),
            ];
    }

    private static SweepTrial TrialOf(
        SweepState state, TrialState trial, string folder, IReadOnlyList<Objective> objectives,
        ParameterLabels labels)
    {
        TrialResult? last = trial.Results.Count > 0 ? trial.Results[^1] : null;
        return new SweepTrial
        {
            Number = trial.Number,
            Configuration = state.Description.ConfigurationOf(trial.Number),
            Seed = state.Description.RunSeedOf(trial.Number),
            Parameters = labels.Apply(trial.Parameters),
            State = StateOf(trial),
            Reason = trial.End is TrialEnd.Stopped or TrialEnd.Failed or TrialEnd.Cancelled
                ? trial.Reason : "",
            Epochs = EpochsOf(trial, folder),
            Objectives = last is null
                ? []
                : [.. objectives.Select(objective => trial.Value(objective.Metric, last))],
            ImagesPerSecond = last?.ImagesPerSecond,
            ParameterCount = trial.ParameterCount > 0 ? trial.ParameterCount : null,
            FlopsPerImage = trial.Flops > 0 ? trial.Flops : null,
            RunFolder = File.Exists(Path.Combine(folder, RunRecord.FileName))
                ? RunFolders.Short(folder) : "",
            ParametersSha256 = last?.ParametersSha256 ?? "",
        };
    }

    private static ObservationState StateOf(TrialState trial) => trial.End switch
    {
        null => ObservationState.Pending,
        TrialEnd.Completed => ObservationState.Completed,
        TrialEnd.Failed => ObservationState.Failed,
        _ => ObservationState.Stopped,
    };

    /// <summary>What is on record of each epoch; else what the sweep knows of some.</summary>
    private static IReadOnlyList<TrialEpoch> EpochsOf(TrialState trial, string folder)
    {
        IReadOnlyList<EpochCompleted> epochs =
            RunLine.ReadEpochs(Path.Combine(folder, MetricsFile.FileName));
        if (epochs.Count > 0)
        {
            return
            [
                .. epochs.Select(epoch => new TrialEpoch(
                    epoch.Epoch, epoch.TrainLoss, epoch.TrainAccuracy, epoch.TestLoss,
                    epoch.TestAccuracy, epoch.Seconds)),
            ];
        }
        return
        [
            .. trial.Results.Select((result, index) => new TrialEpoch(
                result.Epoch, result.TrainLoss, result.TrainAccuracy, result.TestLoss,
                result.TestAccuracy,
                result.Seconds - (index > 0 ? trial.Results[index - 1].Seconds : 0))),
        ];
    }

    private static SweepObjective ObjectiveOf(Objective objective) => new(
        SweepRanking.Name(objective.Metric), objective.IsMaximized,
        objective.Metric is ObjectiveMetric.TestAccuracy or ObjectiveMetric.TrainAccuracy);

    private static IReadOnlyList<int> Pareto(
        SweepTrial[] trials, IReadOnlyList<Objective> objectives)
    {
        if (objectives.Count < 2)
            return [];
        double[] nothing = [.. objectives.Select(_ => double.NaN)];
        return ParetoFront.Indices(
        [
            .. trials.Select(trial => trial.State == ObservationState.Completed
                ? [
                    .. trial.Objectives.Select(
                        (value, index) => objectives[index].Loss(value)),
                ]
                : nothing),
        ]);
    }

    private static double? Seconds(SweepState state)
    {
        long end = state.Trials.Select(trial => trial.EndedUnixMs).Append(state.EndedUnixMs).Max();
        return end > state.StartedUnixMs && state.StartedUnixMs > 0
            ? (end - state.StartedUnixMs) / 1e3
            : null;
    }

    private static IReadOnlyList<Fact> Environment(string folder, SweepState state)
    {
        string commit = state.Description.Commit;
        var facts = new List<Fact> { new("Commit", commit.Length > 0 ? commit : "unknown") };
        string? record = state.Trials
            .Select(trial => Path.Combine(TrialFolder(folder, trial.Number), RunRecord.FileName))
            .FirstOrDefault(File.Exists);
        if (record is not null
            && RunRecord.Load(Path.GetDirectoryName(record)!).Numerics is { } numerics)
        {
            facts.AddRange(numerics.Fields().Select(field => new Fact(field.Key, field.Value)));
        }
        facts.AddRange(Machine.Describe(withPeers: false)
            .Where(fact => fact.Name != "Commit")
            .Select(fact => new Fact($"{fact.Name} (of this report's machine)", fact.Value)));
        return facts;
    }
}
