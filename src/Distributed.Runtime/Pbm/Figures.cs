using System.Globalization;

namespace Distributed.Runtime.Pbm;

/// <summary>How numbers are written for people, and times for all.</summary>
internal static class Figures
{
    public static string Time(DateTimeOffset utc) => utc.UtcDateTime.ToString(
        "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>The time of day, UTC.</summary>
    public static string Clock(DateTimeOffset utc) => utc.UtcDateTime.ToString(
        "HH:mm:ss.fff", CultureInfo.InvariantCulture);

    public static string Bytes(long bytes) => bytes switch
    {
        <= 0 => "-",
        < 1L << 20 => Text($"{bytes / 1024.0:0} KiB"),
        < 1L << 30 => Text($"{bytes / (1024.0 * 1024):0} MiB"),
        _ => Text($"{bytes / (1024.0 * 1024 * 1024):0.0} GiB"),
    };

    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 60 } => Text($"{Math.Max(0, time.TotalSeconds):0} s"),
        { TotalMinutes: < 60 } => Text($"{time.Minutes} min {time.Seconds} s"),
        { TotalHours: < 24 } => Text($"{time.Hours} h {time.Minutes} min"),
        _ => Text($"{time.Days} d {time.Hours} h"),
    };

    public static string Number(ulong number) =>
        number.ToString("x16", CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) =>
        text.ToString(CultureInfo.InvariantCulture);
}
