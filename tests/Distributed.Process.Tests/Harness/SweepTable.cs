using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>What a sweep's folder says of its trials.</summary>
internal static class SweepTable
{
    /// <summary>Figures that two sweeps with the same decisions need not share.</summary>
    private static readonly string[] Timed = ["imagesPerSecond", "seconds"];

    /// <summary>A line a trial, of all that does not depend on time.</summary>
    public static IReadOnlyList<string> Lines(string folder) =>
    [
        .. Rows(folder).Select(row => string.Join(
            "  ",
            row.EnumerateObject().Where(field => !Timed.Contains(field.Name))
                .Select(field => $"{field.Name}={field.Value}"))),
    ];

    public static IReadOnlyList<JsonElement> Rows(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(folder, "trials.json")));
        return [.. document.RootElement.EnumerateArray().Select(row => row.Clone())];
    }

    public static IReadOnlyList<string> Column(string folder, string name) =>
        [.. Rows(folder).Select(row => row.GetProperty(name).ToString())];
}
