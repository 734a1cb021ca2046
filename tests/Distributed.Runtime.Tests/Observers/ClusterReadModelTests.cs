using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Tests.Observers;

/// <summary>What a coordinator shows follows from what its actors publish.</summary>
public sealed class ClusterReadModelTests : IAsyncLifetime
{
    private const ulong Job = 7;

    private readonly ClusterReadModel _model = new("127.0.0.1:4053", TimeProvider.System);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _model.DisposeAsync();

    [Fact]
    public async Task AWorkerIsShownWithItsRankItsSpeedAndItsVitals()
    {
        await JoinAsync(1, 2);
        await TellAsync(
            new JobObserved(Job, Description(), Sweep: 0),
            Observed(1, Job), Observed(2, Job),
            new GenerationObserved(Generation(1, 1, 2), "2 workers are prepared"),
            new StepsObserved(Job, 2, 1, 1, [Step(1, computeMs: 2), Step(2, computeMs: 4)]),
            new VitalsObserved(2, new WorkerVitals("cpu", 1, 1 << 20, 0, 0, 0.5)));

        WorkerView worker = _model.Workers().Single(found => found.Worker.Name == "w2");
        Assert.Equal("Up", worker.Status);
        Assert.Equal(1, worker.Work.Rank);
        Assert.Equal(2, worker.Work.FirstShard);
        Assert.Equal(2, worker.Work.ShardCount);
        Assert.Equal(2, worker.Work.Step);
        Assert.Equal(3, worker.Work.ComputeMs);
        // Half of 64 samples in 3 ms.
        Assert.Equal(32 / 3e-3, worker.Work.ImagesPerSecond, 6);
        Assert.Equal(0.5, worker.Vitals!.Utilisation);
        Assert.Equal(2, _model.Timeline(Job, afterStep: 0).Count);
        Assert.Single(_model.Timeline(Job, afterStep: 1));
    }

    [Fact]
    public async Task AWorkerThatIsGoneIsKeptWithItsReason()
    {
        await JoinAsync(1);
        long before = _model.Version;
        await TellAsync(
            new UnreachableMember(Member(1), "its connection broke"),
            new MemberDowned(Member(1), "it has not come back"),
            new MemberRemoved(Member(1), "it has not come back"));

        WorkerView worker = Assert.Single(_model.Workers(before));
        Assert.True(worker.IsGone);
        Assert.Equal("it has not come back", worker.Reason);
        Assert.Equal(0, _model.Overview().Workers);
        Assert.Equal(
            ["UnreachableMember", "MemberDowned", "MemberRemoved"],
            _model.Happenings(after: 2, countMax: 10).Select(happening => happening.Kind));
    }

    [Fact]
    public async Task OnlyWhatHasChangedSinceAVersionIsAskedFor()
    {
        await JoinAsync(1, 2, 10);
        long seen = _model.Version;
        await TellAsync(new VitalsObserved(2, new WorkerVitals("cpu", 1, 1, 0, 0, 0)));

        Assert.Equal(["w2"], _model.Workers(seen).Select(worker => worker.Worker.Name));
        Assert.Equal(
            ["w1", "w2", "w10"], _model.Workers().Select(worker => worker.Worker.Name));
        await _model.ChangedAsync(seen, CancellationToken.None);
        Assert.False(
            _model.ChangedAsync(_model.Version, CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task ACurveOfAnyLengthStaysSmallAndIsCutWhereTheRunReturns()
    {
        await TellAsync(new JobObserved(Job, Description(), Sweep: 0));
        for (long step = 1; step <= 50_000; step += 5)
            _model.Tell(new JobHappened(Job, new StepCommitted(step, 50_000, 1, 1, 1.0 / step, 9)));
        await TellAsync(
            new JobStatusObserved(new JobStatus(Job, "j", "running", 1, 50_000, 50_000)));

        IReadOnlyList<CurvePoint> steps = _model.Curves(Job)!.Steps;
        Assert.InRange(steps.Count, 900, 2_000);
        Assert.Equal(1, steps[0].Step);
        Assert.InRange(steps[^1].Step, 49_900, 50_000);
        Assert.Equal(steps.OrderBy(point => point.Step), steps);

        await TellAsync(new JobHappened(Job, new RunReturned(20_000, 0, 1)));
        Assert.True(_model.Curves(Job)!.Steps[^1].Step <= 20_000);
        Assert.Equal(20_000, _model.Jobs()[0].Step);
    }

    [Fact]
    public async Task ACoordinatorThatStandsDownForgetsTheClusterButNotWhatHappened()
    {
        await TellAsync(new LeadershipObserved(3, "127.0.0.1:4053", "it holds the lease"));
        await JoinAsync(1);
        Assert.Equal(3, _model.Overview().Term);

        await TellAsync(new LeadershipObserved(0, "", "its lease could not be renewed in time"));
        Assert.Empty(_model.Workers());
        Assert.Equal(0, _model.Overview().Term);
        Assert.Equal(
            "its lease could not be renewed in time",
            _model.Happenings(0, 100)[^1].Text);
    }

    [Fact]
    public async Task TheOutcomeOfAJobIsKept()
    {
        await TellAsync(
            new JobObserved(Job, Description(), Sweep: 0),
            new JobHappened(Job, new RunFailed(1, "no space is left")));

        JobView job = Assert.Single(_model.Jobs());
        Assert.Equal("failed", job.State);
        Assert.NotNull(job.EndedUtc);
        HappeningView failure = _model.Happenings(0, 10)[^1];
        Assert.True(failure.IsFailure);
        Assert.Equal("no space is left", failure.Text);
    }

    private static MemberIdentity Member(ulong number) =>
        new($"w{number}", number, $"127.0.0.1:{5000 + number}", []);

    private static WorkerIdentity Identity(ulong number) =>
        new($"w{number}", number, "host", 100, $"127.0.0.1:{5000 + number}", []);

    private static WorkerObserved Observed(ulong number, ulong job) =>
        new(Identity(number), job, "Running", 0, "cpu", "");

    private static StepRecord Step(long step, double computeMs) =>
        new(step, 0.5, 3, 64, 0.1, computeMs, 1, 0.5, computeMs + 0.5);

    private static Generation Generation(int number, params ulong[] workers) => new(
        Job, number,
        [
            .. workers.Select((worker, rank) => new RankAssignment(
                rank, Identity(worker), new ShardRange(rank * 2, (rank * 2) + 2))),
        ],
        new StartPoint(0, 0, 0, ""));

    private static JobDescription Description() => new(
        "j", "", "/runs/j", 2, 1, 4, ReductionOrder.Exact, 64, 64_000, 10,
        new StepSchedule(50_000, 1_000, 0, 0), 0, "", "", 0, "");

    private async Task JoinAsync(params ulong[] workers)
    {
        foreach (ulong worker in workers)
        {
            _model.Tell(new MemberJoined(Member(worker), "it asked to join"));
            _model.Tell(new MemberUp(Member(worker), "it has joined"));
        }

        await TellAsync([.. workers.Select(worker => Observed(worker, job: 0))]);
    }

    /// <summary>Until they are taken, the last one as well.</summary>
    private async Task TellAsync(params object[] messages)
    {
        foreach (object message in messages)
            _model.Tell(message);
        string mark = Guid.NewGuid().ToString();
        _model.Tell(new ActorLogRecord(
            ActorLogLevel.Info, DateTimeOffset.UnixEpoch, "/test", mark));
        long version = 0;
        while (_model.Logs(0, 1) is not [{ Text: var text }] || text != mark)
            await _model.ChangedAsync(version++, CancellationToken.None);
    }
}
