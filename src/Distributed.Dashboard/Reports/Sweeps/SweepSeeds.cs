using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>A configuration over its seeds.</summary>
/// <param name="Mean">Of the first objective.</param>
/// <param name="Deviation">The sample's standard deviation.</param>
internal sealed record SweepSeeds(IReadOnlyList<SweepTrial> Trials, double Mean, double Deviation)
{
    private const int BarsMax = 20;

    /// <summary>
    /// Configurations of which two or more seeds were completed, from best to worst.
    /// </summary>
    public static IReadOnlyList<SweepSeeds> Of(SweepView view) =>
    [
        .. view.Ranked.Where(trial => trial.State == ObservationState.Completed)
            .GroupBy(trial => trial.Configuration)
            .Where(group => group.Count() > 1)
            .Select(group => Summary([.. group]))
            .OrderBy(found => view.Objective.IsMaximized ? -found.Mean : found.Mean),
    ];

    /// <summary>Null where no configuration has several seeds.</summary>
    public static BarChart? Chart(SweepView view)
    {
        IReadOnlyList<SweepSeeds> all = Of(view);
        if (all.Count == 0)
            return null;
        IReadOnlyList<SweepSeeds> shown = [.. all.Take(BarsMax)];
        bool isTie = all.Count > 1
            && Math.Abs(all[0].Mean - all[1].Mean) < Math.Max(all[0].Deviation, all[1].Deviation);
        string caption = isTie
            ? "Seeds change the result more than the difference between the two best."
            : "The best configuration is ahead by more than its seeds differ.";
        return new BarChart(
            "Configurations over their seeds",
            $"{caption} Dots are means, lines reach one standard deviation to both sides"
                + (shown.Count < all.Count ? $"; the best {shown.Count} of {all.Count}." : "."),
            "configuration", SweepView.AxisOf(view.Objective),
            [
                .. shown.Select(found => new Bar(
                    view.Describe(found.Trials[0]), found.Mean, found.Mean - found.Deviation,
                    found.Mean + found.Deviation)),
            ]);
    }

    private static SweepSeeds Summary(IReadOnlyList<SweepTrial> trials)
    {
        double mean = trials.Average(trial => SweepView.Value(trial));
        double squares = trials.Sum(trial => Math.Pow(SweepView.Value(trial) - mean, 2));
        return new SweepSeeds(trials, mean, Math.Sqrt(squares / (trials.Count - 1)));
    }
}
