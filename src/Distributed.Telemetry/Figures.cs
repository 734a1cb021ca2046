using System.Globalization;

namespace Distributed.Telemetry;

/// <summary>
/// How figures look to people, the same in every form of output and in every culture.
/// </summary>
public static class Figures
{
    /// <summary>Stands where there is no figure.</summary>
    public const string None = "–";

    private static CultureInfo Invariant => CultureInfo.InvariantCulture;

    public static string Whole(long value) => value.ToString("N0", Invariant);

    public static string Ratio(double value) =>
        double.IsNaN(value) ? None : value.ToString("F4", Invariant);

    /// <summary>A share, 1 being 100 %.</summary>
    public static string Percent(double value) =>
        double.IsNaN(value) ? None : (value * 100).ToString("F2", Invariant) + " %";

    public static string Rate(double imagesPerSecond) =>
        $"{imagesPerSecond.ToString("N0", Invariant)} images/s";

    /// <summary>`12.3 s` under a minute, `2:05` under an hour, `1:02:05` from there.</summary>
    public static string Duration(double seconds)
    {
        if (seconds < 60)
            return seconds.ToString("F1", Invariant) + " s";
        TimeSpan span = TimeSpan.FromSeconds(Math.Round(seconds));
        return span.TotalHours < 1
            ? span.ToString(@"m\:ss", Invariant)
            : $"{(int)span.TotalHours}:{span.ToString(@"mm\:ss", Invariant)}";
    }

    public static string Bytes(long bytes)
    {
        const double Mebi = 1024 * 1024, Gibi = Mebi * 1024;
        return bytes >= Gibi
            ? (bytes / Gibi).ToString("F1", Invariant) + " GiB"
            : (bytes / Mebi).ToString("F1", Invariant) + " MiB";
    }
}
