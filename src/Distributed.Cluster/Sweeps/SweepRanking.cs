using System.Globalization;

namespace Distributed.Cluster.Sweeps;

/// <summary>Which trials did best, by the sweep's first objective.</summary>
public static class SweepRanking
{
    /// <summary>
    /// Those with a result, best first: who came further goes before, as a loss after one epoch
    /// says little about one after nine.
    /// </summary>
    public static IReadOnlyList<TrialState> Order(SweepState state) =>
    [
        .. state.Trials.Where(trial => trial.Results.Count > 0)
            .OrderByDescending(trial => trial.Epoch)
            .ThenBy(trial => Loss(state, trial))
            .ThenBy(trial => trial.Number),
    ];

    /// <summary>Null where no trial has a result.</summary>
    public static TrialState? Best(SweepState state) => state.Trials
        .Where(trial => trial.Results.Count > 0)
        .MinBy(trial => (-trial.Epoch, Loss(state, trial), trial.Number));

    /// <summary>Such as "test accuracy 0.9812".</summary>
    public static string Headline(SweepState state, TrialState trial) => string.Join(
        ", ",
        state.Description.Objectives.Select(objective => string.Create(
            CultureInfo.InvariantCulture,
            $"{Name(objective.Metric)} {trial.Value(objective.Metric, trial.Results[^1]):G5}")));

    /// <summary>As people call it.</summary>
    public static string Name(ObjectiveMetric metric) => metric switch
    {
        ObjectiveMetric.TestAccuracy => "test accuracy",
        ObjectiveMetric.TestLoss => "test loss",
        ObjectiveMetric.TrainLoss => "train loss",
        ObjectiveMetric.TrainAccuracy => "train accuracy",
        ObjectiveMetric.ImagesPerSecond => "images/s",
        ObjectiveMetric.Parameters => "parameters",
        _ => "FLOPs an image",
    };

    private static double Loss(SweepState state, TrialState trial)
    {
        Objective objective = state.Description.Objectives[0];
        double loss = objective.Loss(trial.Value(objective.Metric, trial.Results[^1]));
        return double.IsNaN(loss) ? double.PositiveInfinity : loss;
    }
}
