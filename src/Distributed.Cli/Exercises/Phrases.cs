using System.Globalization;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Dashboard.Reports;

namespace Distributed.Cli.Exercises;

/// <summary>Turns of phrase that the exercises' answers share.</summary>
internal static class Phrases
{
    /// <summary>`90.35 % (95 % interval 89.10 % to 91.48 %)`, or the accuracy alone.</summary>
    public static string Accuracy(Configuration found) => found.Interval is { } interval
        ? $"{Figures.Percent(found.Accuracy)} (95 % interval {Range(interval)})"
        : Figures.Percent(found.Accuracy);

    /// <summary>`90.35 % (± 1.2 points)`, at 95 %, or the accuracy alone.</summary>
    public static string Brief(Configuration found)
    {
        string accuracy = Figures.Percent(found.Accuracy);
        if (found.Interval is not { } interval)
            return accuracy;
        double points = 100 * (interval.High - interval.Estimate);
        return $"{accuracy} (± {points.ToString("F1", CultureInfo.InvariantCulture)} points)";
    }

    public static string Range(Interval interval) =>
        $"{Figures.Percent(interval.Low)} to {Figures.Percent(Math.Min(interval.High, 1))}";

    /// <summary>A bar with how far it may be off.</summary>
    public static Bar Bar(string name, Configuration found) => new(
        name, found.Accuracy, found.Interval?.Low, found.Interval?.High);

    public static Cell Interval(Configuration found) => found.Interval is { } interval
        ? new Cell(Range(interval), interval.Low)
        : Cell.None;

    /// <summary>A remark where the sweep is not what it was to be; empty where it is.</summary>
    public static string Missing(SweepState state)
    {
        int failed = state.Trials.Count(trial => trial.End is TrialEnd.Failed);
        int open = state.TrialsWanted - state.Trials.Count(trial => trial.End is not null);
        string remark = failed > 0 ? $" {failed} of {state.Trials.Count} trials failed." : "";
        return state.EndReason is null && open > 0
            ? $"{remark} {open} of {state.TrialsWanted} trials have not ended yet."
            : remark;
    }

    /// <summary>`a`, `a and b`, `a, b and c`.</summary>
    public static string List(IReadOnlyList<string> words) => words.Count < 2
        ? string.Concat(words)
        : $"{string.Join(", ", words.Take(words.Count - 1))} and {words[^1]}";

    /// <summary>Floating-point operations with their unit.</summary>
    public static string Flops(double flops) =>
        $"{ReportNumbers.Significant(flops / 1e6)} MFLOPs";
}
