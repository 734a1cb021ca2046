using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>The process that answers.</summary>
internal sealed class HostPalette : Palette
{
    public override string Name => "host";

    public override string Help => "this node's process";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("uptime", "since when the process runs, and what it takes", UptimeAsync),
        new("version", "of the program and of what it runs on", VersionAsync),
        new("config", "the configuration in force, as cluster.hocon has it", ConfigAsync),
    ];

    private static Task UptimeAsync(Call call)
    {
        ClusterOverview overview = call.Node.Model.Overview();
        TimeSpan up = call.Node.Now - overview.StartedUtc;
        using var process = Process.GetCurrentProcess();
        return call.SheetAsync(
        [
            Field.Count("up for", "uptime_seconds", (long)up.TotalSeconds, Figures.Duration(up)),
            Field.Of(
                "since", "started", Figures.Time(overview.StartedUtc),
                Figures.Time(overview.StartedUtc)),
            Field.Of("address", "address", overview.Address),
            Field.Of("host", "host", Environment.MachineName),
            Field.Of("process", "process", Environment.ProcessId),
            Field.Count(
                "memory", "memory_bytes", process.WorkingSet64,
                Figures.Bytes(process.WorkingSet64)),
            Field.Of(
                "processor time", "processor_seconds", process.TotalProcessorTime.TotalSeconds,
                "0.0 s"),
            Field.Of("model version", "model_version", overview.Version),
            Field.Of("dropped observations", "dropped", call.Node.Model.Dropped),
        ]);
    }

    private static Task VersionAsync(Call call) => call.SheetAsync(
    [
        Field.Of("version", "version", call.Node.Options.Version),
        Field.Of("runtime", "runtime", RuntimeInformation.FrameworkDescription),
        Field.Of("system", "system", RuntimeInformation.OSDescription),
        Field.Of(
            "architecture", "architecture",
            RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()),
        Field.Count(
            "processors", "processors", Environment.ProcessorCount,
            Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
    ]);

    private static async Task ConfigAsync(Call call)
    {
        foreach ((string key, JsonNode? value) in SettingsText.Entries(call.Node.Options.Settings))
        {
            await call.SayAsync(
                $"{key} = {value?.ToJsonString() ?? "null"}",
                new JsonObject { ["key"] = key, ["value"] = value?.DeepClone() });
        }
    }
}
