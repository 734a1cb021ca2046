using System.Text.Json.Nodes;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>The logs of this node and of the workers.</summary>
internal sealed class LogPalette : Palette
{
    private const int BatchMax = 1_000;

    private static readonly string[] LevelNames =
        [.. Enum.GetNames<LogLevel>().Select(name => name.ToLowerInvariant())];

    private static readonly IReadOnlyList<Parameter> Wanted =
    [
        new(ParameterKind.Option, "level", "the least important lines to show")
        {
            Choices = ["error", "warning", "info", "debug"],
            Default = "info",
        },
        new(ParameterKind.Option, "node", "a worker's name, or coordinator: its lines alone")
        {
            Complete = node => node.Model.Workers().Select(worker => worker.Worker.Name)
                .Prepend("coordinator").Distinct(),
        },
    ];

    public override string Name => "log";

    public override string Help => "the logs of this node and of the workers";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("tail", "lines as they are written", TailAsync)
        {
            Parameters = [.. Wanted, Following.Count("10", "how many past lines to begin with")],
            Streams = true,
        },
        new("peek", "the last lines", PeekAsync)
        {
            Parameters = [Following.Count("20", "how many"), .. Wanted],
        },
        new("level", "the least important lines that this node writes; or changes that", LevelAsync)
        {
            Parameters =
            [
                new(ParameterKind.Argument, "level", "what it is to be from now on")
                {
                    Choices = LevelNames,
                },
            ],
        },
    ];

    private static async Task TailAsync(Call call)
    {
        long last = await TellLastAsync(call, 10);
        await Following.ChangesAsync(call, async () =>
        {
            foreach (LogView line in call.Node.Model.Logs(last, BatchMax))
            {
                last = line.Sequence;
                if (IsWanted(call, line))
                    await TellAsync(call, line);
            }

            return true;
        });
    }

    private static Task PeekAsync(Call call) => TellLastAsync(call, 20);

    private static Task LevelAsync(Call call)
    {
        LogThreshold threshold = call.Node.Options.Threshold;
        string before = Word(threshold.Level);
        if (call.Value("level") is not { } wanted)
            return call.SayAsync(before, new JsonObject { ["level"] = before });
        threshold.Level = Enum.Parse<LogLevel>(wanted, ignoreCase: true);
        return call.SayAsync(
            $"{Word(threshold.Level)} from now on; it was {before}",
            new JsonObject { ["level"] = Word(threshold.Level), ["before"] = before });
    }

    private static string Word(LogLevel level) => level.ToString().ToLowerInvariant();

    private static async Task<long> TellLastAsync(Call call, int otherwise)
    {
        int count = call.Integer("lines", otherwise, 0, ClusterReadModel.LogLinesMax);
        IReadOnlyList<LogView> all = call.Node.Model.Logs(0, ClusterReadModel.LogLinesMax);
        foreach (LogView line in all.Where(line => IsWanted(call, line)).TakeLast(count))
            await TellAsync(call, line);
        return all.Count > 0 ? all[^1].Sequence : 0;
    }

    private static bool IsWanted(Call call, LogView line) =>
        (call.Value("node") is not { } node || node == line.Node)
        && LogThreshold.Takes(
            Enum.Parse<LogLevel>(call.Value("level") ?? "info", ignoreCase: true), line.Level);

    private static Task TellAsync(Call call, LogView line)
    {
        string level = line.Level.ToString().ToUpperInvariant();
        return call.SayAsync(
            $"{Figures.Clock(line.Utc)} {level,-7} {line.Node} {line.Source}: {line.Text}",
            new JsonObject
            {
                ["time"] = Figures.Time(line.Utc),
                ["level"] = level.ToLowerInvariant(),
                ["node"] = line.Node,
                ["source"] = line.Source,
                ["text"] = line.Text,
            },
            line.Level switch
            {
                ActorLogLevel.Error => PbmStyle.Error,
                ActorLogLevel.Warning => PbmStyle.Warning,
                _ => PbmStyle.Plain,
            });
    }
}
