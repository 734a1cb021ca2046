using System.Text.Json;
using Distributed.Telemetry;

namespace Distributed.Cli.Nodes;

/// <summary>What a resumed run finds in its metrics.jsonl.</summary>
internal static class RunMetrics
{
    /// <summary>The last step on record; 0 where none is.</summary>
    public static long LastStep(string folder)
    {
        long last = 0;
        foreach (JsonElement line in MetricsFile.Read(PathIn(folder)))
        {
            if (line.TryGetProperty("step", out JsonElement step))
                last = Math.Max(last, step.GetInt64());
        }

        return last;
    }

    /// <summary>Clears away what a killed coordinator has left.</summary>
    public static void SweepStale(string folder) => MetricsFile.SweepStale(folder);

    /// <summary>Takes steps off the record that the resumed run will record again.</summary>
    public static void DropAfter(string folder, long step) =>
        MetricsFile.Truncate(PathIn(folder), step);

    private static string PathIn(string folder) => Path.Combine(folder, MetricsFile.FileName);
}
