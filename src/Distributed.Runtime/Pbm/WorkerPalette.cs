using System.Globalization;
using System.Text.Json.Nodes;
using Distributed.Cluster.Coordination;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>The workers.</summary>
internal sealed class WorkerPalette : Palette
{
    private const string Reason = "ordered with pbm";

    public override string Name => "worker";

    public override string Help => "the workers: what they do, how fast, and who may work";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("list", "all workers, and those that have gone in the last minutes", ListAsync)
        {
            NeedsLeader = true,
        },
        new(
            "drain", "has a worker hand its work over and go",
            call => OrderAsync(call, worker => new LeaveWorker(worker.Worker.DataAddress, Reason)))
        {
            NeedsLeader = true,
            Parameters = [Names.Worker],
            Plan = call => Orders.PlanLeave(call, isAtOnce: false),
        },
        new(
            "bench", "has a worker hand its work over and get none from now on",
            call => OrderAsync(call, worker => new BenchWorker(
                worker.Worker.DataAddress, call.Value("reason") ?? Reason)))
        {
            NeedsLeader = true,
            Parameters =
            [
                Names.Worker,
                new(ParameterKind.Option, "reason", "why, for whoever looks at the list")
                {
                    Default = Reason,
                },
            ],
        },
        new(
            "unbench", "a worker that was benched may get work again",
            call => OrderAsync(call, worker => new UnbenchWorker(worker.Worker.DataAddress)))
        {
            NeedsLeader = true,
            Parameters = [Names.Worker],
        },
    ];

    private static async Task OrderAsync(Call call, Func<WorkerView, ClusterOrder> order) =>
        await call.ToldAsync(await call.Node.OrderAsync(order(Names.FindWorker(call))));

    private static Task ListAsync(Call call)
    {
        IReadOnlyList<WorkerView> workers = call.Node.Model.Workers();
        IReadOnlyDictionary<ulong, string> jobs = call.Node.Model.Jobs()
            .ToDictionary(job => job.Job, job => job.Description.Name);
        IEnumerable<WorkerView> shown = workers.Where(worker => !worker.IsGone)
            .Concat(Orders.GoneLately(call.Node, workers));
        return call.TableAsync(
            [.. shown.Select(worker => Row(call.Node, worker, jobs))], "there is no worker");
    }

    private static IReadOnlyList<Field> Row(
        InspectedNode node, WorkerView worker, IReadOnlyDictionary<ulong, string> jobs)
    {
        WorkerWork work = worker.Work;
        WorkerVitals? vitals = worker.IsGone || worker.IsUnreachable ? null : worker.Vitals;
        string job = work.Job == 0 ? ""
            : jobs.GetValueOrDefault(work.Job) ?? Figures.Number(work.Job);
        return
        [
            Field.Of("WORKER", "name", worker.Worker.Name),
            Field.Of("ADDRESS", "address", worker.Worker.DataAddress) with { IsExtra = true },
            Status(node, worker),
            Field.Of("JOB", "job", work.Job == 0 ? null : job, job) with { MayBeCut = true },
            Field.Of("PHASE", "phase", worker.IsGone ? "" : work.Phase) with { IsExtra = true },
            Device(worker) with { IsExtra = true },
            Memory(vitals) with { IsExtra = true },
            Field.Of("USE", "utilisation", vitals?.Utilisation ?? double.NaN, "0 %") with
            {
                IsExtra = true,
            },
            Shards(work),
            Figure(work, "IMAGES/S", "images_per_second", work.ImagesPerSecond, "0"),
            Figure(work, "STEP", "step", work.Step, "0"),
            Figure(work, "COMPUTE MS", "compute_ms", work.ComputeMs, "0.0") with
            {
                IsExtra = true,
            },
            Figure(work, "COMM MS", "communication_ms", work.CommunicationMs, "0.0") with
            {
                IsExtra = true,
            },
            Figure(work, "WAIT MS", "wait_ms", work.WaitMs, "0.0") with { IsExtra = true },
            Because(worker),
        ];
    }

    /// <summary>One that has no job has no figures of it.</summary>
    private static Field Figure(
        WorkerWork work, string title, string name, double value, string format) =>
        Field.Of(title, name, work.Job == 0 ? double.NaN : value, format);

    private static Field Status(InspectedNode node, WorkerView worker)
    {
        string age = Figures.Duration(node.Now - worker.SinceUtc);
        return Field.Of(
            "STATUS", "status", worker.Status,
            worker.IsGone ? $"gone {age} ago"
            : worker.IsUnreachable ? $"unreachable for {age}"
            : worker.BenchReason.Length > 0 ? "benched"
            : worker.Status);
    }

    private static Field Because(WorkerView worker)
    {
        string reason = worker.IsGone || worker.IsUnreachable ? worker.Reason : worker.BenchReason;
        return Field.Of("BECAUSE", "reason", reason) with { MayBeCut = true };
    }

    private static Field Device(WorkerView worker) => Field.Of(
        "DEVICE", "device",
        worker.Vitals is { Device.Length: > 0 } vitals ? vitals.Device : worker.Work.Device);

    private static Field Memory(WorkerVitals? vitals)
    {
        bool isOfDevice = vitals is { DeviceMemoryTotalBytes: > 0 };
        long used = isOfDevice ? vitals!.DeviceMemoryUsedBytes : vitals?.MemoryBytes ?? 0;
        return new Field(
            "MEMORY", "memory",
            vitals is null ? null : new JsonObject
            {
                ["process_bytes"] = vitals.MemoryBytes,
                ["device_used_bytes"] = vitals.DeviceMemoryUsedBytes,
                ["device_total_bytes"] = vitals.DeviceMemoryTotalBytes,
            },
            isOfDevice
                ? $"{Figures.Bytes(used)} of {Figures.Bytes(vitals!.DeviceMemoryTotalBytes)}"
                : Figures.Bytes(used));
    }

    private static Field Shards(WorkerWork work) => new(
        "SHARDS", "shards",
        new JsonObject
        {
            ["rank"] = work.Rank,
            ["first"] = work.FirstShard,
            ["count"] = work.ShardCount,
            ["total"] = work.ShardsTotal,
        },
        work.Job == 0 || work.Rank < 0
            ? "-"
            : string.Create(
                CultureInfo.InvariantCulture, $"{work.ShardCount}/{work.ShardsTotal}"));
}
