using System.Text.Json;
using Distributed.Telemetry;

namespace Distributed.Cli.Nodes;

/// <summary>What a resumed run finds in its metrics.jsonl.</summary>
internal static class RunMetrics
{
    private const string FileName = "metrics.jsonl";

    /// <summary>The last step on record; 0 where none is.</summary>
    public static long LastStep(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return 0;
        long last = 0;
        foreach (string line in File.ReadLines(path))
        {
            try
            {
                using JsonDocument metric = JsonDocument.Parse(line);
                if (metric.RootElement.TryGetProperty("step", out JsonElement step))
                    last = Math.Max(last, step.GetInt64());
            }
            catch (JsonException)
            {
                // A torn last line; the writer cuts it off when it opens the file.
            }
        }

        return last;
    }

    /// <summary>Takes steps off the record that the resumed run will record again.</summary>
    public static void DropAfter(string folder, long step) =>
        MetricsFile.Truncate(Path.Combine(folder, FileName), step);
}
