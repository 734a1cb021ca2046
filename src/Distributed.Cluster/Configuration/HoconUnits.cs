using System.Numerics;

namespace Distributed.Cluster.Configuration;

/// <summary>Durations and sizes: a number and a unit, as HOCON names the units.</summary>
internal static class HoconUnits
{
    private static readonly string[][] durationUnits =
    [
        ["ns", "nano", "nanos", "nanosecond", "nanoseconds"],
        ["us", "micro", "micros", "microsecond", "microseconds"],
        ["ms", "milli", "millis", "millisecond", "milliseconds"],
        ["s", "second", "seconds"],
        ["m", "minute", "minutes"],
        ["h", "hour", "hours"],
        ["d", "day", "days"],
    ];

    private static readonly decimal[] durationNanoseconds =
    [
        1m, 1e3m, 1e6m, 1e9m, 60e9m, 3600e9m, 86400e9m,
    ];

    // The prefix, its name in powers of 1000 and its name in powers of 1024.
    private static readonly (char Prefix, string Decimal, string Binary)[] sizePrefixes =
    [
        ('k', "kilo", "kibi"), ('m', "mega", "mebi"), ('g', "giga", "gibi"), ('t', "tera", "tebi"),
        ('p', "peta", "pebi"), ('e', "exa", "exbi"), ('z', "zetta", "zebi"), ('y', "yotta", "yobi"),
    ];

    /// <summary>
    /// A duration, in milliseconds where no unit is given; <c>infinite</c> is
    /// <see cref="Timeout.InfiniteTimeSpan"/>. False if the text is none, or is out of range.
    /// </summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = Timeout.InfiniteTimeSpan;
        if (text.Trim() == "infinite")
        {
            return true;
        }
        if (!TrySplit(text, out var number, out var unit))
        {
            return false;
        }
        var index = unit.Length == 0
            ? 2 : Array.FindIndex(durationUnits, names => names.Contains(unit));
        if (index < 0)
        {
            return false;
        }
        const decimal nanosecondsPerTick = 100m;
        var ticksPerUnit = durationNanoseconds[index] / nanosecondsPerTick;
        if (Math.Abs(number) > long.MaxValue / ticksPerUnit)
        {
            return false;
        }
        var ticks = decimal.Round(number * ticksPerUnit);
        if (Math.Abs(ticks) > long.MaxValue)
        {
            return false;
        }
        duration = TimeSpan.FromTicks((long)ticks);
        return true;
    }

    /// <summary>
    /// A number of bytes, up to the yottabytes that no 64-bit integer holds; a fraction of a byte
    /// is cut off. False if the text is none.
    /// </summary>
    public static bool TryParseSize(string text, out BigInteger bytes)
    {
        bytes = 0;
        if (!TrySplit(text, out var number, out var unit) || SizeFactor(unit) is not { } factor)
        {
            return false;
        }
        var whole = decimal.Truncate(number);
        // The fraction is scaled apart: decimal cannot hold a large number times a large factor.
        var thousandths = decimal.Truncate((number - whole) * 1e15m);
        bytes = ((BigInteger)whole * factor)
            + ((BigInteger)thousandths * factor / BigInteger.Pow(10, 15));
        return true;
    }

    private static BigInteger? SizeFactor(string unit)
    {
        if (unit is "" or "B" or "b" or "byte" or "bytes")
        {
            return 1;
        }
        for (var index = 0; index < sizePrefixes.Length; index++)
        {
            var (prefix, decimalName, binaryName) = sizePrefixes[index];
            var upper = char.ToUpperInvariant(prefix);
            var power = index + 1;
            // Only the kilobyte is written with a small letter.
            if (unit == $"{(index == 0 ? prefix : upper)}B" || unit == $"{decimalName}byte"
                || unit == $"{decimalName}bytes")
            {
                return BigInteger.Pow(1000, power);
            }
            if (unit == $"{prefix}" || unit == $"{upper}" || unit == $"{upper}i"
                || unit == $"{upper}iB" || unit == $"{binaryName}byte"
                || unit == $"{binaryName}bytes")
            {
                return BigInteger.Pow(1024, power);
            }
        }
        return null;
    }

    private static bool TrySplit(string text, out decimal number, out string unit)
    {
        var trimmed = text.Trim();
        var unitStart = trimmed.Length;
        while (unitStart > 0 && char.IsLetter(trimmed[unitStart - 1]))
        {
            unitStart--;
        }
        unit = trimmed[unitStart..];
        return HoconNumber.TryParse(trimmed[..unitStart], out number);
    }
}
