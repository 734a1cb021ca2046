using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>How the trials learned.</summary>
internal static class SweepCurves
{
    private const int HighlightedMax = 5;
    private const int DrawnMax = 400;

    /// <summary>Null where no trial has come to the end of an epoch.</summary>
    public static Section? Of(SweepView view)
    {
        // A sweep for a small loss is looked at by its loss.
        bool isLoss = view.Objective.Name.Contains("loss", StringComparison.OrdinalIgnoreCase);
        Func<TrialEpoch, double> figure =
            isLoss ? epoch => epoch.TestLoss : epoch => epoch.TestAccuracy;
        SweepTrial[] trained =
            [.. view.Ranked.Concat(view.Unranked).Where(trial => trial.Epochs.Count > 0)];
        if (trained.Length == 0)
            return null;
        IReadOnlyList<SweepTrial> others =
            Thinning.Evenly([.. trained.Skip(HighlightedMax)], DrawnMax);
        LineSeries curve(SweepTrial trial, LineWeight weight) => new(
            $"trial {trial.Number}",
            [.. trial.Epochs.Select(epoch => new ChartPoint(epoch.Epoch, figure(epoch)))])
        {
            Weight = weight,
        };
        string count = others.Count + HighlightedMax < trained.Length
            ? $" {Figures.Whole(others.Count)} of the {Figures.Whole(trained.Length)} trials are "
                + "drawn in grey."
            : "";
        return new Section(
            "Learning curves", "",
            [
                new LineChart(
                    isLoss ? "Test loss by epoch" : "Test accuracy by epoch",
                    Caption(view, trained, isLoss) + count, new Axis("epoch") { IsWhole = true },
                    new Axis(isLoss ? "test loss" : "test accuracy") { IsShare = !isLoss },
                    [
                        .. trained.Take(HighlightedMax).Select(
                            trial => curve(trial, LineWeight.Normal)),
                        .. others.Select(trial => curve(trial, LineWeight.Faint)),
                    ]),
            ]);
    }

    private static string Caption(SweepView view, SweepTrial[] trained, bool isLoss)
    {
        if (view.Ranked.Count == 0)
            return $"The curves of {Wording.Count(trained.Length, "trial")}.";
        SweepTrial best = view.Ranked[0];
        double at(SweepTrial trial) => trial.Epochs.Count == 0
            ? double.NaN
            : isLoss ? -trial.Epochs[0].TestLoss : trial.Epochs[0].TestAccuracy;
        int ahead = trained.Count(trial => at(trial) > at(best));
        return ahead == 0
            ? $"Trial {best.Number}, the best in the end, led from the first epoch."
            : $"Trial {best.Number}, the best in the end, was behind {Figures.Whole(ahead)} of "
                + $"{Wording.Count(trained.Length - 1, "other trial")} after the first epoch.";
    }
}
