using System.Globalization;

namespace Distributed.Dashboard.Live;

/// <summary>How far a page has been told; it is the id of every event.</summary>
/// <param name="Model">Which read model it was: another process has another.</param>
/// <param name="Term">Of the coordinator; where it changes, all is told anew.</param>
internal readonly record struct LivePosition(
    long Model, long Term, long Version, long Happening, long Log)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Model}-{Term}-{Version}-{Happening}-{Log}");

    /// <summary>Null where it is none, as when a page connects for the first time.</summary>
    public static LivePosition? Parse(string? text)
    {
        string[] parts = (text ?? "").Split('-');
        var numbers = new long[5];
        if (parts.Length != numbers.Length)
            return null;
        for (int index = 0; index < numbers.Length; index++)
        {
            if (!long.TryParse(
                parts[index], NumberStyles.None, CultureInfo.InvariantCulture,
                out numbers[index]))
                return null;
        }

        return new LivePosition(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    }
}
