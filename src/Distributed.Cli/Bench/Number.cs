using System.Globalization;

namespace Distributed.Cli.Bench;

/// <summary>Measured figures for people: three digits that mean something, or four.</summary>
internal static class Number
{
    public static string Of(double value)
    {
        string format = Math.Abs(value) switch
        {
            0 => "0",
            < 0.01 => "0.0000",
            < 0.1 => "0.000",
            < 10 => "0.00",
            < 100 => "0.0",
            _ => "#,0",
        };
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>For JSON: no more digits than were measured.</summary>
    public static double Round(double value) => value == 0 || !double.IsFinite(value)
        ? value
        : double.Parse(
            value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
