using Distributed.Cluster.Sweeps.Search;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>Which trials failed, and why.</summary>
internal static class SweepFailures
{
    /// <summary>Null where none did.</summary>
    public static Section? Of(SweepView view)
    {
        SweepTrial[] failed =
            [.. view.Results.Trials.Where(trial => trial.State == ObservationState.Failed)];
        if (failed.Length == 0)
            return null;
        IGrouping<string, SweepTrial>[] reasons =
        [
            .. failed.GroupBy(trial => trial.Reason.Length > 0 ? trial.Reason : "not known")
                .OrderByDescending(group => group.Count()),
        ];
        string text = $"{Wording.Count(failed.Length, "trial")} of "
            + $"{Figures.Whole(view.Results.Trials.Count)} failed, most often with: "
            + $"{reasons[0].Key}.";
        return new Section(
            "Failures", text,
            [
                new Table(
                    "Reasons for which trials failed",
                    ["reason", "trials", "numbers", "epochs before"],
                    [
                        .. reasons.Select(group => (Cell[])
                        [
                            group.Key, Cell.Whole(group.Count()), Numbers(group),
                            Range([.. group.Select(trial => trial.Epochs.Count)]),
                        ]),
                    ]),
            ]);
    }

    private static Cell Numbers(IEnumerable<SweepTrial> trials)
    {
        const int shown = 12;
        int[] numbers = [.. trials.Select(trial => trial.Number)];
        return string.Join(", ", numbers.Take(shown)) + (numbers.Length > shown ? ", …" : "");
    }

    private static Cell Range(int[] counts) => counts.Min() == counts.Max()
        ? Cell.Whole(counts[0])
        : new Cell($"{counts.Min()} to {counts.Max()}", counts.Min());
}
