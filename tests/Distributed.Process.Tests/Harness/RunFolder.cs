using System.Text.Json;

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
