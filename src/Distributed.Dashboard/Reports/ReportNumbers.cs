using System.Globalization;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports;

/// <summary>How numbers of no particular kind are written in reports.</summary>
public static class ReportNumbers
{
    private const int Digits = 4;

    /// <summary>A share as percents, else four significant digits.</summary>
    public static string Show(double value, bool isShare = false)
    {
        if (!double.IsFinite(value))
            return Figures.None;
        return isShare ? Figures.Percent(value) : Significant(value);
    }

    /// <summary>
    /// Four significant digits, without an exponent where people would write none.
    /// </summary>
    public static string Significant(double value)
    {
        double size = Math.Abs(value);
        if (size != 0 && size is < 1e-4 or >= 1e15)
            return value.ToString("0.###e+0", CultureInfo.InvariantCulture);
        int whole = size < 1 ? 1 : (int)Math.Floor(Math.Log10(size)) + 1;
        // Below 1, leading zeros are no digits.
        int decimals = size is 0 or >= 1
            ? Math.Max(Digits - whole, 0)
            : Digits - 1 - (int)Math.Floor(Math.Log10(size));
        return value.ToString("#,0." + new string('#', decimals), CultureInfo.InvariantCulture);
    }
}
