using System.Text.Json.Nodes;
using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>Who belongs to the cluster.</summary>
internal sealed class ClusterPalette : Palette
{
    private const string Reason = "ordered with pbm";

    private static readonly Parameter Address = new(
        ParameterKind.Argument, "worker", "address or name of a worker")
    {
        IsRequired = true,
        Complete = Names.Worker.Complete,
    };

    public override string Name => "cluster";

    public override string Help => "the members of the cluster: who they are, and who may stay";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("show", "all members, one a line", ShowAsync) { NeedsLeader = true },
        new("status", "this node, as show has it", StatusAsync),
        new("leader", "address of the coordinator that acts", LeaderAsync),
        new("tail", "what happens in the membership, as it happens", TailAsync)
        {
            Parameters = [Following.Count("0", "how many past events to begin with")],
            Streams = true,
        },
        new("join", "how a worker joins this cluster", JoinAsync),
        new(
            "leave", "has a worker hand its work over and go; without one, how this node goes",
            LeaveAsync)
        {
            NeedsLeader = true,
            Parameters = [Address with { IsRequired = false }],
            Plan = call => call.Value("worker") is null
                ? throw OwnLeave(call)
                : Orders.PlanLeave(call, isAtOnce: false),
        },
        new("down", "takes a worker out at once, as if it had failed", DownAsync)
        {
            NeedsLeader = true,
            Parameters = [Address],
            Plan = call => Orders.PlanLeave(call, isAtOnce: true),
        },
        new(
            "down-unreachable", "takes all workers out that cannot be reached",
            DownUnreachableAsync)
        {
            NeedsLeader = true,
            Plan = PlanDownUnreachable,
        },
    ];

    private static async Task ShowAsync(Call call)
    {
        IReadOnlyList<WorkerView> workers = call.Node.Model.Workers();
        IReadOnlyList<WorkerView> members = [.. workers.Where(worker => !worker.IsGone)];
        await TellSelfAsync(call);
        foreach (WorkerView worker in members)
            await TellAsync(call, worker);
        await call.SayAsync($"Count: {members.Count + 1} nodes");
        IReadOnlyList<WorkerView> gone = Orders.GoneLately(call.Node, workers);
        if (gone.Count == 0)
            return;
        await call.SayAsync("Gone lately:", style: PbmStyle.Header);
        foreach (WorkerView worker in gone)
            await TellAsync(call, worker);
    }

    private static Task StatusAsync(Call call) => TellSelfAsync(call);

    private static Task LeaderAsync(Call call)
    {
        string leader = call.Node.Model.Overview() is { Term: > 0 } overview
            ? overview.Address
            : call.Node.Model.Overview().LeaderAddress;
        if (leader.Length == 0)
            throw new OperatingException("no coordinator is known to act: try again in a moment");
        return call.SayAsync(leader, new JsonObject { ["address"] = leader });
    }

    private static async Task TailAsync(Call call)
    {
        int count = call.Integer("lines", 0, 0, ClusterReadModel.HappeningsMax);
        long last = await Following.TellLastAsync(call, count, IsOfMembership);
        await Following.ChangesAsync(call, async () =>
        {
            last = await Following.TellAsync(call, last, IsOfMembership);
            return true;
        });
    }

    private static bool IsOfMembership(HappeningView happening) =>
        happening.Kind.StartsWith("Member", StringComparison.Ordinal)
        || happening.Kind is "UnreachableMember" or "ReachableMember" or "LeaderChanged";

    private static Task JoinAsync(Call call)
    {
        ClusterOverview overview = call.Node.Model.Overview();
        string leader = overview.LeaderAddress.Length > 0
            ? overview.LeaderAddress
            : overview.Address;
        string command = $"./distributed worker --set 'cluster.seed-nodes=[\"{leader}\"]'";
        return call.SayAsync(
            $"a worker joins by being started, on any machine that reaches {leader}: {command}",
            new JsonObject { ["command"] = command });
    }

    private static async Task LeaveAsync(Call call)
    {
        if (call.Value("worker") is null)
            throw OwnLeave(call);
        WorkerView worker = Names.FindWorker(call);
        await call.ToldAsync(
            await call.Node.OrderAsync(new LeaveWorker(worker.Worker.DataAddress, Reason)));
    }

    private static async Task DownAsync(Call call)
    {
        WorkerView worker = Names.FindWorker(call);
        await call.ToldAsync(
            await call.Node.OrderAsync(new DownWorker(worker.Worker.DataAddress, Reason)));
    }

    private static async Task DownUnreachableAsync(Call call) =>
        await call.ToldAsync(await call.Node.OrderAsync(new DownUnreachable(Reason)));

    private static Plan PlanDownUnreachable(Call call)
    {
        IReadOnlyList<string> lost =
        [
            .. call.Node.Model.Workers().Where(worker => worker.IsUnreachable && !worker.IsGone)
                .Select(worker => $"{worker.Worker.Name} ({worker.Worker.DataAddress})"),
        ];
        return lost.Count > 0
            ? new Plan(
                $"takes {string.Join(", ", lost)} out of the cluster",
                new Dictionary<string, string>())
            : throw new OperatingException("all workers can be reached: there is none to take out");
    }

    private static OperatingException OwnLeave(Call call) => new(
        $"this node is the coordinator at {call.Node.Model.Overview().Address}, which leaves when "
        + $"its process is asked to stop: kill {Environment.ProcessId} on its host; one that "
        + "stands by then takes over. Name a worker to have that one leave", ExitCodes.BadUsage);

    private static Task TellSelfAsync(Call call)
    {
        ClusterOverview overview = call.Node.Model.Overview();
        IReadOnlyList<string> roles =
            overview.Term > 0 ? ["coordinator"] : ["coordinator", "standby"];
        return TellAsync(
            call, overview.Address, "coordinator", roles, "Up", isUnreachable: false, "",
            call.Node.Options.Version, PbmStyle.Plain);
    }

    private static Task TellAsync(Call call, WorkerView worker)
    {
        string[] roles = ["worker", .. worker.Worker.Roles.Where(role => role != "worker")];
        string reason = worker.IsGone || worker.IsUnreachable ? worker.Reason : "";
        return TellAsync(
            call, worker.Worker.DataAddress, worker.Worker.Name, roles, worker.Status,
            worker.IsUnreachable && !worker.IsGone, reason, worker.Worker.Version,
            worker.IsUnreachable || worker.IsGone
                ? PbmStyle.Warning
                : PbmStyle.Plain);
    }

    private static Task TellAsync(
        Call call, string address, string name, IReadOnlyList<string> roles, string status,
        bool isUnreachable, string reason, string version, PbmStyle style)
    {
        string flag = (isUnreachable, reason.Length > 0) switch
        {
            (true, true) => $"unreachable: {reason}",
            (true, false) => "unreachable",
            _ => reason,
        };
        return call.SayAsync(
            $"{address} | [{string.Join(", ", roles)}] | {status} | {flag} | {version}".TrimEnd(),
            new JsonObject
            {
                ["address"] = address,
                ["name"] = name,
                ["roles"] = new JsonArray([.. roles.Select(role => JsonValue.Create(role))]),
                ["status"] = status,
                ["unreachable"] = isUnreachable,
                ["reason"] = reason,
                ["version"] = version.Length > 0 ? version : null,
            },
            style);
    }
}
