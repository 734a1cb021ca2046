using Distributed.Cluster.Sweeps.Search;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>All trials, with a column for whatever differs between them.</summary>
internal static class TrialTable
{
    public const string Heading = "Trials";

    public static Section Of(SweepView view)
    {
        SweepTrial[] trials = [.. view.Ranked, .. view.Unranked];
        Column[] columns =
        [
            .. Columns(view).Where(
                column => column.IsAlways || Differs(trials.Select(column.Cell))),
        ];
        return new Section(
            Heading,
            "The best first; a click on a heading sorts by it. Columns in which all trials are the "
                + "same are left out.",
            [
                new Table(
                    $"{Wording.Count(trials.Length, "trial")} of {view.Results.Name}",
                    [.. columns.Select(column => column.Name)],
                    [
                        .. trials.Select(
                            trial => (Cell[])[.. columns.Select(column => column.Cell(trial))]),
                    ]),
            ]);
    }

    private static IEnumerable<Column> Columns(SweepView view)
    {
        yield return new("trial", trial => new Cell($"{trial.Number}", trial.Number), true);
        for (int index = 0; index < view.Results.Objectives.Count; index++)
        {
            int objective = index;
            SweepObjective goal = view.Results.Objectives[objective];
            yield return new(
                goal.Name,
                trial => objective < trial.Objectives.Count
                    ? Cell.Of(
                        SweepView.Value(trial, objective), value => SweepView.Show(goal, value))
                    : Cell.None,
                true);
        }
        foreach (VariedParameter parameter in view.Varied)
            yield return new(
                parameter.Name, trial => parameter.Cell(view.Text(trial, parameter)));
        if (view.HasSeeds)
        {
            yield return new(
                "configuration",
                trial => new Cell($"{trial.Configuration}", trial.Configuration));
        }
        yield return new("seed", trial => new Cell($"{trial.Seed}", trial.Seed));
        yield return new("state", trial => Word(trial.State));
        yield return new("epochs", trial => Cell.Whole(trial.Epochs.Count));
        foreach (Column column in Measured(view))
            yield return column;
        yield return new("reason", trial => Optional(trial.Reason));
        yield return new("run folder", trial => Optional(trial.RunFolder));
        yield return new("parameters' SHA-256", trial => Optional(
            trial.ParametersSha256.Length > 12
                ? trial.ParametersSha256[..12] + "…" : trial.ParametersSha256));
    }

    private static IEnumerable<Column> Measured(SweepView view)
    {
        Column last(string name, Func<TrialEpoch, double> value, Func<double, string> show) =>
            new(name, trial => trial.Epochs is [.., var epoch]
                ? Cell.Of(value(epoch), show) : Cell.None);
        Column[] measured =
        [
            last("test accuracy", epoch => epoch.TestAccuracy, Figures.Percent),
            last("test loss", epoch => epoch.TestLoss, Figures.Ratio),
            last("train accuracy", epoch => epoch.TrainAccuracy, Figures.Percent),
            last("train loss", epoch => epoch.TrainLoss, Figures.Ratio),
            new("time (s)", trial => trial.Epochs.Count == 0
                ? Cell.None : Cell.Of(trial.Seconds, ReportNumbers.Significant)),
            new("images/s", trial => Cell.Of(
                trial.ImagesPerSecond ?? double.NaN, ReportNumbers.Significant)),
            new("parameters", trial => Optional(trial.ParameterCount)),
            new("FLOPs an image", trial => Optional(trial.FlopsPerImage)),
        ];
        return measured.Where(column => view.Results.Objectives.All(
            objective => objective.Name != column.Name));
    }

    private static string Word(ObservationState state) => state switch
    {
        ObservationState.Pending => "runs",
        ObservationState.Completed => "completed",
        ObservationState.Stopped => "stopped",
        _ => "failed",
    };

    private static Cell Optional(string text) => text.Length > 0 ? text : Cell.None;

    private static Cell Optional(long? value) =>
        value is { } known ? Cell.Whole(known) : Cell.None;

    private static bool Differs(IEnumerable<Cell> cells) => cells.Distinct().Skip(1).Any();

    private sealed record Column(string Name, Func<SweepTrial, Cell> Cell, bool IsAlways = false);
}
