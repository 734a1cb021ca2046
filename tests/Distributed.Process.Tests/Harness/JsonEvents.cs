using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>What `train --json` prints, read back.</summary>
internal static class JsonEvents
{
    public static JsonElement Parse(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    public static string Kind(JsonElement happened) => happened.GetProperty("event").GetString()!;

    public static IReadOnlyList<JsonElement> Of(CommandResult result, string kind) =>
        [.. result.Output.Select(Parse).Where(happened => Kind(happened) == kind)];

    public static JsonElement Done(CommandResult result) => Assert.Single(Of(result, "done"));

    public static string Hash(CommandResult result) =>
        Done(result).GetProperty("parameters_sha256").GetString()!;
}
