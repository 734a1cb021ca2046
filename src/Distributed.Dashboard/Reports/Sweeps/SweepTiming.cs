using Distributed.Cluster.Sweeps.Search;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>Where a sweep's time went.</summary>
internal static class SweepTiming
{
    public static Section Of(SweepView view)
    {
        IReadOnlyList<SweepTrial> trials = view.Results.Trials;
        double all = trials.Sum(trial => trial.Seconds);
        int longest = trials.Count > 0 ? trials.Max(trial => trial.Epochs.Count) : 0;
        long saved = trials.Where(trial => trial.State == ObservationState.Stopped)
            .Sum(trial => (long)(longest - trial.Epochs.Count));
        string text = $"All trials together trained for {Figures.Duration(all)}.";
        if (view.Results.Seconds is { } seconds && seconds > 0)
        {
            text += $" The sweep took {Figures.Duration(seconds)}: "
                + $"{ReportNumbers.Significant(all / seconds)} trials at a time on average.";
        }
        if (saved > 0)
        {
            text += $" Stopping trials early saved {Wording.Count(saved, "epoch")} of "
                + $"{Figures.Whole((long)longest * trials.Count)}.";
        }
        return new Section(
            "Timing", text,
            [
                new Table(
                    "Trials by how they ended",
                    ["state", "trials", "epochs", "time", "share of the time"],
                    [
                        .. from trial in trials
                           group trial by trial.State into found
                           orderby found.Key
                           let time = found.Sum(trial => trial.Seconds)
                           select (Cell[])
                           [
                               $"{found.Key}".ToLowerInvariant(), Cell.Whole(found.Count()),
                               Cell.Whole(found.Sum(trial => (long)trial.Epochs.Count)),
                               new Cell(Figures.Duration(time), time),
                               Cell.Of(time / all, Figures.Percent),
                           ],
                    ]),
            ]);
    }
}
