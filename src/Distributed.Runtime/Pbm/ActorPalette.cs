using System.Globalization;
using System.Text.Json.Nodes;
using Distributed.Kernel;

namespace Distributed.Runtime.Pbm;

/// <summary>The node's actors.</summary>
internal sealed class ActorPalette : Palette
{
    private const int DepthMax = 100;

    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(500);

    private static readonly IReadOnlyList<Parameter> Part =
    [
        new(ParameterKind.Option, "depth", "how many levels to show")
        {
            ShortName = "d",
            IsInteger = true,
            Default = "4",
        },
        new(ParameterKind.Option, "start", "path of the actor to begin with")
        {
            ShortName = "s",
            Default = "/user",
            Complete = node => node.Loop.Call(system => system.Describe()).Select(one => one.Path),
        },
    ];

    public override string Name => "actor";

    public override string Help => "the actors of this node";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("hierarchy", "the living actors by path, with what waits for each", HierarchyAsync)
        {
            Parameters = Part,
        },
        new("system", "the actor system as a whole", SystemAsync),
        new("watch", "actors that start, stop, or fall behind, as it happens", WatchAsync)
        {
            Parameters = Part,
            Streams = true,
        },
    ];

    private static Task HierarchyAsync(Call call) => call.TableAsync(
        [.. Describe(call).Select(actor => (IReadOnlyList<Field>)
            [
                Field.Of("PATH", "path", actor.Path),
                Field.Of("WAITING", "waiting", actor.MessagesWaiting),
                Field.Of("TYPE", "type", actor.TypeName),
            ])],
        "there is no such actor");

    private static Task SystemAsync(Call call)
    {
        (int actors, long handled, IReadOnlyList<(DeadLetterReason, long)> deadLetters) =
            call.Node.Loop.Call(system => (
                system.Describe().Count, system.MessagesHandled,
                (IReadOnlyList<(DeadLetterReason, long)>)
                [
                    .. Enum.GetValues<DeadLetterReason>()
                        .Select(reason => (reason, system.DeadLetterCount(reason))),
                ]));
        return call.SheetAsync(
        [
            Field.Of("name", "name", call.Node.Loop.System.Name),
            Field.Of("actors", "actors", actors),
            Field.Of("messages handled", "messages_handled", handled),
            .. deadLetters.Select(count => Field.Of(
                $"dead letters, {Words(count.Item1, " ")}",
                $"dead_letters_{Words(count.Item1, "_")}",
                count.Item2)),
        ]);
    }

    private static async Task WatchAsync(Call call)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        while (true)
        {
            IReadOnlyList<ActorInfo> now = Describe(call);
            foreach (ActorInfo actor in now)
            {
                if (!known.TryGetValue(actor.Path, out int waiting))
                    await TellAsync(call, "started", actor.Path, actor.MessagesWaiting);
                else if (waiting != actor.MessagesWaiting)
                    await TellAsync(call, "mailbox", actor.Path, actor.MessagesWaiting);
                known[actor.Path] = actor.MessagesWaiting;
            }

            string[] stopped = [.. known.Keys.Except(now.Select(actor => actor.Path))];
            foreach (string path in stopped)
            {
                known.Remove(path);
                await TellAsync(call, "stopped", path, waiting: 0);
            }

            await Task.Delay(WatchInterval, call.Cancellation);
        }
    }

    private static Task TellAsync(Call call, string change, string path, int waiting) =>
        call.SayAsync(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Figures.Clock(call.Node.Now)}  {change}  {path}")
            + (waiting > 0 ? $"  {waiting} waiting" : ""),
            new JsonObject
            {
                ["time"] = Figures.Time(call.Node.Now),
                ["change"] = change,
                ["path"] = path,
                ["waiting"] = waiting,
            });

    private static IReadOnlyList<ActorInfo> Describe(Call call)
    {
        string start = (call.Value("start") ?? "/user").TrimEnd('/');
        int depth = call.Integer("depth", 4, 1, DepthMax);
        int levels = start.Count(letter => letter == '/') + depth;
        return
        [
            .. call.Node.Loop.Call(system => system.Describe())
                .Where(actor => actor.Path == start
                    || actor.Path.StartsWith(start + "/", StringComparison.Ordinal))
                .Where(actor => actor.Path.Count(letter => letter == '/') < levels)
                .OrderBy(actor => actor.Path, StringComparer.Ordinal),
        ];
    }

    /// <summary>"NoActor" becomes "no actor".</summary>
    private static string Words(DeadLetterReason reason, string gap) => string.Concat(
        reason.ToString().Select((letter, at) => char.IsUpper(letter)
            ? (at > 0 ? gap : "") + char.ToLowerInvariant(letter)
            : letter.ToString()));
}
