using System.Globalization;
using System.Text.Json.Nodes;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>The jobs that train.</summary>
internal sealed class TrainPalette : Palette
{
    private const string Reason = "ordered with pbm";
    private const int WorkersMax = 100_000;
    private const int NumberShown = 8;

    /// <summary>So long a job that has ended is listed unasked.</summary>
    private static readonly TimeSpan EndedListed = TimeSpan.FromHours(1);

    public override string Name => "train";

    public override string Help => "the jobs that train: how they do, and orders to them";

    public override IReadOnlyList<Command> Commands { get; } =
    [
        new("list", "the jobs that run, and those that ended within the hour", ListAsync)
        {
            NeedsLeader = true,
            Parameters = [new(ParameterKind.Switch, "all", "those that ended before, too")],
        },
        new("show", "all about a job", ShowAsync)
        {
            NeedsLeader = true,
            Parameters = [Names.Job(isRunning: false)],
        },
        new("tail", "a job's steps and what happens to it, until it ends", TailAsync)
        {
            NeedsLeader = true,
            Parameters =
            [
                Names.Job(isRunning: false),
                Following.Count("5", "how many past events to begin with"),
            ],
            Streams = true,
        },
        new(
            "pause", "all its workers stop after the same step and wait",
            call => OrderAsync(call, job => new PauseJob(job.Job, Reason)))
        {
            NeedsLeader = true,
            Parameters = [Names.Job(isRunning: true)],
        },
        new(
            "resume", "a paused job goes on",
            call => OrderAsync(call, job => new ResumeJob(job.Job)))
        {
            NeedsLeader = true,
            Parameters = [Names.Job(isRunning: true)],
        },
        new("stop", "ends a job with its state saved", StopAsync)
        {
            NeedsLeader = true,
            Parameters = [Names.Job(isRunning: true)],
            Plan = PlanStop,
        },
        new("scale", "gives a job more workers, or fewer", ScaleAsync)
        {
            NeedsLeader = true,
            Parameters =
            [
                Names.Job(isRunning: true),
                new(ParameterKind.Option, "workers", "how many it is to have")
                {
                    ShortName = "w",
                    IsInteger = true,
                    IsRequired = true,
                },
            ],
        },
        new(
            "checkpoint", "saves a job's state now",
            call => OrderAsync(call, job => new CheckpointJob(job.Job)))
        {
            NeedsLeader = true,
            Parameters = [Names.Job(isRunning: true)],
        },
    ];

    private static Task ListAsync(Call call)
    {
        DateTimeOffset least =
            call.Has("all") ? DateTimeOffset.MinValue : call.Node.Now - EndedListed;
        return call.TableAsync(
            [.. call.Node.Model.Jobs().Where(job => job.EndedUtc is not { } ended || ended >= least)
                .Select(job => Row(call.Node, job))],
            "no job runs, and none has ended within the hour");
    }

    private static IReadOnlyList<Field> Row(InspectedNode node, JobView job) =>
    [
        Field.Of("JOB", "name", job.Description.Name) with { MayBeCut = true },
        Number(job) with { IsExtra = true },
        Field.Of("STATE", "state", job.State) with { MayBeCut = true },
        Field.Of("WORKERS", "workers", Orders.RanksOf(node.Model, job).Count),
        Step(job, "STEP"),
        Field.Of("EPOCH", "epoch", job.Epoch),
        Field.Of("LOSS", "loss", job.Loss, "0.0000"),
        Field.Of("IMAGES/S", "images_per_second", job.ImagesPerSecond, "0"),
        Field.Of("ACCURACY", "test_accuracy", job.LastEpoch?.TestAccuracy ?? double.NaN, "0.0000"),
    ];

    private static Field Number(JobView job) => Field.Of(
        "NUMBER", "number", Figures.Number(job.Job), Figures.Number(job.Job)[..NumberShown]);

    private static Field Step(JobView job, string title) => Field.Count(
        title, "step", job.Step,
        string.Create(
            CultureInfo.InvariantCulture, $"{job.Step}/{job.Description.Schedule.StepsTotal}"));

    private static Task ShowAsync(Call call)
    {
        JobView job = Names.FindJob(call, isRunning: false);
        JobDescription description = job.Description;
        DateTimeOffset end = job.EndedUtc ?? call.Node.Now;
        return call.SheetAsync(
        [
            Field.Of("name", "name", description.Name),
            Field.Of("number", "number", Figures.Number(job.Job)),
            Field.Of(
                "sweep", "sweep", job.Sweep == 0 ? null : Figures.Number(job.Sweep),
                job.Sweep == 0 ? "" : Figures.Number(job.Sweep)),
            Field.Of("state", "state", job.State),
            Step(job, "step"),
            Field.Of("epoch", "epoch", job.Epoch),
            Field.Of("loss", "loss", job.Loss, "0.000000"),
            Field.Of("images/s", "images_per_second", job.ImagesPerSecond, "0.0"),
            Field.Of("epochs done", "epochs_done", job.LastEpoch?.Epoch ?? 0),
            Field.Of("test loss", "test_loss", job.LastEpoch?.TestLoss ?? double.NaN, "0.0000"),
            Field.Of(
                "test accuracy", "test_accuracy", job.LastEpoch?.TestAccuracy ?? double.NaN,
                "0.0000"),
            Field.Of("generation", "generation", job.Generation),
            Field.Of("because", "generation_reason", job.Reason),
            Field.Of("workers", "workers", Orders.RanksOf(call.Node.Model, job)),
            Field.Of("workers asked for", "workers_asked", description.WorkerCount),
            Field.Of("workers needed", "workers_needed", description.MinWorkers),
            Field.Of("logical shards", "logical_shards", description.LogicalShards),
            Field.Of("global batch", "global_batch", description.GlobalBatch),
            Field.Of("checkpoint of step", "checkpoint_step", job.CheckpointStep),
            Field.Of("folder", "folder", description.RunFolder),
            Field.Of("started", "started", job.StartedUtc),
            Field.Count(
                "time", "seconds", (long)(end - job.StartedUtc).TotalSeconds,
                Figures.Duration(end - job.StartedUtc)),
            Outcome(job),
        ]);
    }

    private static Field Outcome(JobView job)
    {
        string? outcome = job.Outcome is { } end ? JobHappenings.Describe(end)?.Text : null;
        return Field.Of("outcome", "outcome", outcome, outcome ?? "");
    }

    private static async Task TailAsync(Call call)
    {
        JobView job = Names.FindJob(call, isRunning: false);
        int count = call.Integer("lines", 5, 0, ClusterReadModel.HappeningsMax);
        long last = await Following.TellLastAsync(call, count, IsWanted);
        long step = -1;
        await Following.ChangesAsync(call, async () =>
        {
            // First the job, so that its end is not seen before what led to it.
            JobView? now = call.Node.Model.Jobs().FirstOrDefault(one => one.Job == job.Job);
            last = await Following.TellAsync(call, last, IsWanted);
            if (now is null)
                call.Node.CheckLeads();
            if (now is { Outcome: null } && now.Step > 0 && now.Step != step)
                await TellStepAsync(call, now);
            step = now?.Step ?? step;
            return now is { Outcome: null };
        });

        bool IsWanted(HappeningView happening) => happening.Job == job.Job;
    }

    private static Task TellStepAsync(Call call, JobView job) => call.SayAsync(
        string.Create(
            CultureInfo.InvariantCulture,
            $"step {job.Step}  epoch {job.Epoch}  loss {job.Loss:0.0000}  "
            + $"{job.ImagesPerSecond:0} images/s"),
        new JsonObject
        {
            ["time"] = Figures.Time(call.Node.Now),
            ["kind"] = "Step",
            ["step"] = job.Step,
            ["epoch"] = job.Epoch,
            ["loss"] = double.IsFinite(job.Loss) ? job.Loss : null,
            ["images_per_second"] = Math.Round(job.ImagesPerSecond, 1),
        });

    private static async Task OrderAsync(Call call, Func<JobView, ClusterOrder> order) =>
        await call.ToldAsync(
            await call.Node.OrderAsync(order(Names.FindJob(call, isRunning: true))));

    private static Task ScaleAsync(Call call)
    {
        int workers = call.Integer("workers", 0, 1, WorkersMax);
        return OrderAsync(call, job => new ScaleJob(job.Job, workers));
    }

    private static Plan PlanStop(Call call)
    {
        JobView job = Names.FindJob(call, isRunning: true);
        int count = Orders.RanksOf(call.Node.Model, job).Count;
        string workers = count == 1 ? "1 worker" : $"{count} workers";
        return new Plan(
            $"stops job {job.Description.Name} ({Figures.Number(job.Job)}) after step {job.Step} "
                + $"of {job.Description.Schedule.StepsTotal} or soon after, with its state saved; "
                + $"{workers} {(count == 1 ? "becomes" : "become")} free",
            new Dictionary<string, string> { ["job"] = Figures.Number(job.Job) });
    }

    private static async Task StopAsync(Call call)
    {
        JobView job = Names.FindJob(call, isRunning: true);
        StopJobReply reply =
            await call.Node.AskAsync<StopJobReply>(
                new StopJob(job.Job, Reason));
        if (!reply.Found)
            throw new OperatingException($"job {job.Description.Name} has ended already");
        await call.ToldAsync(
            $"job {job.Description.Name} stops after a step on which all its workers agree");
    }
}
