using System.Text.Json;
using Distributed.Telemetry;

namespace Distributed.Process.Tests;

/// <summary>What lies in a run folder.</summary>
internal static class RunFolder
{
    /// <summary>The lines of metrics.jsonl of one kind; a torn last line is left out.</summary>
    public static IReadOnlyList<JsonElement> Metrics(string folder, string kind)
    {
        string text = File.ReadAllText(Path.Combine(folder, "metrics.jsonl"));
        return
        [
            .. text[..(text.LastIndexOf('\n') + 1)]
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(JsonEvents.Parse)
                .Where(line => line.GetProperty("kind").GetString() == kind),
        ];
    }

    public static IReadOnlyList<long> Numbers(string folder, string kind, string field) =>
        [.. Metrics(folder, kind).Select(line => line.GetProperty(field).GetInt64())];

    /// <summary>Every step and epoch is on record once, in order, whatever happened.</summary>
    public static void HasWholeRecord(string folder, Recipe recipe)
    {
        Assert.Equal(
            Enumerable.Range(1, recipe.Steps).Select(step => (long)step),
            Numbers(folder, "step", "step"));
        Assert.Equal(
            Enumerable.Range(1, recipe.Epochs).Select(epoch => (long)epoch),
            Numbers(folder, "epoch", "epoch"));
        Assert.Single(Metrics(folder, "done"));
    }

    /// <summary>
    /// TensorBoard, which reads the event files one after the other, gets every value of a tag and
    /// step once, each tag's in rising steps, and drops none: where a file says that a session
    /// starts, it forgets what it has read of that step and later ones.
    /// </summary>
    public static void HasWholeEvents(string folder, Recipe recipe)
    {
        var steps = new Dictionary<string, List<long>>();
        long last = 0;
        foreach (string path in Directory.EnumerateFiles(folder, "events.out.tfevents.*")
            .Order(StringComparer.Ordinal))
        {
            EventFile file = EventFileReader.Read(path);
            Assert.True(
                file.StartStep is null || file.StartStep > last,
                $"{path} starts at step {file.StartStep} after {last}");
            foreach (ScalarValue value in file.Scalars)
            {
                last = Math.Max(last, value.Step);
                if (!steps.TryGetValue(value.Tag, out List<long>? seen))
                    steps.Add(value.Tag, seen = []);
                long before = seen.LastOrDefault();
                Assert.True(
                    value.Step > before,
                    $"{path} has {value.Tag} of step {value.Step} after step {before}");
                seen.Add(value.Step);
            }
        }

        Assert.Equal(
            Enumerable.Range(1, recipe.Steps).Select(step => (long)step), steps["loss/train"]);
        Assert.Equal(
            Enumerable.Range(1, recipe.Epochs).Select(epoch => (long)epoch * recipe.StepsPerEpoch),
            steps["loss/test"]);
    }

    /// <summary>Of every report of every worker, the longest time between two steps.</summary>
    public static IReadOnlyList<double> LongestGapsMs(string folder) =>
    [
        .. Metrics(folder, "times")
            .Select(line => line.GetProperty("longest_gap_ms").GetDouble()),
    ];

    /// <summary>The steps that have a checkpoint, oldest first.</summary>
    public static IReadOnlyList<long> Checkpoints(string folder) =>
    [
        .. Directory.EnumerateDirectories(Path.Combine(folder, "checkpoints"), "step-*")
            .Select(path => long.Parse(Path.GetFileName(path)["step-".Length..]))
            .Order(),
    ];

    /// <summary>A file of the newest checkpoint.</summary>
    public static string NewestCheckpointFile(string folder, string name) => Path.Combine(
        folder, "checkpoints", $"step-{Checkpoints(folder)[^1]:D8}", name);

    /// <summary>Turns over the bits of one byte in the middle of a file.</summary>
    public static void Damage(string file, long? position = null)
    {
        using var stream = new FileStream(file, FileMode.Open);
        stream.Position = position ?? stream.Length / 2;
        int value = stream.ReadByte();
        stream.Position--;
        stream.WriteByte((byte)~value);
    }
}
