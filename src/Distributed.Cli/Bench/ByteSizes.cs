using System.Globalization;

namespace Distributed.Cli.Bench;

/// <summary>
/// Numbers of bytes as people write them: 65536, 64KiB, and 4KiB..256MiB for all between, each four
/// times the one before.
/// </summary>
internal static class ByteSizes
{
    private const int RangeStep = 4;

    private static readonly (string Unit, long Bytes)[] Units =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("B", 1), ("", 1)];

    /// <summary>A list with commas; null where one of them is no size.</summary>
    public static IReadOnlyList<long>? ParseList(string text)
    {
        var sizes = new List<long>();
        foreach (string item in text.Split(','))
        {
            string[] ends = item.Split("..");
            if (ends.Length > 2 || Parse(ends[0]) is not { } first
                || Parse(ends[^1]) is not { } last || first > last)
                return null;
            for (long size = first; size < last; size *= RangeStep)
                sizes.Add(size);
            sizes.Add(last);
        }

        return sizes;
    }

    /// <summary>`64 KiB`, or the plain number where no unit divides it.</summary>
    public static string Format(long bytes)
    {
        (string unit, long size) = Units.First(known => bytes % known.Bytes == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / size} {unit}");
    }

    private static long? Parse(string text)
    {
        (string unit, long size) = Units.First(
            known => text.EndsWith(known.Unit, StringComparison.OrdinalIgnoreCase));
        string number = text[..^unit.Length].TrimEnd();
        return long.TryParse(
            number, NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            && count > 0 && count <= long.MaxValue / size / RangeStep ? count * size : null;
    }
}
