using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports;

/// <summary>Turns of phrase that sentences of reports share.</summary>
internal static class Wording
{
    /// <summary>`1 epoch`, `3 epochs`.</summary>
    public static string Count(long count, string noun) =>
        $"{Figures.Whole(count)} {noun}{(count == 1 ? "" : "s")}";

    /// <summary>`90.35 % to 91.48 %`.</summary>
    public static string Interval(Proportion proportion) =>
        $"{Figures.Percent(proportion.Low)} to {Figures.Percent(proportion.High)}";

    /// <summary>As it stands at a sentence's start.</summary>
    public static string Capital(string text) =>
        text.Length > 0 ? char.ToUpperInvariant(text[0]) + text[1..] : text;

    /// <summary>How a figure moved: `fell from 2.1 to 0.3`.</summary>
    public static string Change(double from, double to, Func<double, string> show)
    {
        string before = show(from), after = show(to);
        if (before == after)
            return $"stayed at {after}";
        return $"{(to > from ? "rose" : "fell")} from {before} to {after}";
    }
}
