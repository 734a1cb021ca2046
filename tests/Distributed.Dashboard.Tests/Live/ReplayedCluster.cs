using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Collectives.Reduction;
using Distributed.Dashboard.Live;
using Distributed.Kernel;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Security;

namespace Distributed.Dashboard.Tests.Live;

/// <summary>
/// A cluster that nobody runs: what its actors would publish is told to a read model, whose
/// dashboard is served. All figures follow from numbers by formula.
/// </summary>
internal sealed class ReplayedCluster : IAsyncDisposable
{
    public const ulong Job = 0xa11ce;
    public const ulong Sweep = 0x5ee9;
    public const int Epochs = 5;

    /// <summary>Computes for twice as long as the others.</summary>
    public const int SlowRank = 2;

    private long _told;
    private long _decisions;

    private ReplayedCluster(ClusterReadModel model, DashboardServer server)
    {
        Model = model;
        Server = server;
    }

    public ClusterReadModel Model { get; }

    public DashboardServer Server { get; private set; }

    public int WorkerCount { get; private set; }

    public long Step { get; private set; }

    public static async Task<ReplayedCluster> StartAsync()
    {
        var model = new ClusterReadModel("10.0.0.1:4053", TimeProvider.System);
        return new ReplayedCluster(
            model,
            await DashboardServer.StartAsync(
                "127.0.0.1:0", model, RpcSecurity.None, TimeProvider.System));
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Model.DisposeAsync();
    }

    /// <summary>As a coordinator that dies and comes back on the same port.</summary>
    public async Task RestartServerAsync(Func<Task> meanwhile)
    {
        string address = Server.Address.ToString();
        await Server.DisposeAsync();
        await meanwhile();
        Server = await DashboardServer.StartAsync(
            address, Model, RpcSecurity.None, TimeProvider.System);
    }

    public void Tell(object message)
    {
        _told++;
        Model.Tell(message);
    }

    /// <summary>Returns once the read model has taken in all that it was told.</summary>
    public async Task SettleAsync()
    {
        while (Model.Version < _told)
            await Task.Delay(5);
    }

    public static WorkerIdentity Worker(int number, string? name = null) => new(
        name ?? $"w{number}", (ulong)(number + 1), $"host{number / 8}", 1000 + number,
        $"10.0.{number / 250}.{number % 250}:5000", []);

    public static MemberIdentity Member(int number, string? name = null) =>
        new(name ?? $"w{number}", (ulong)(number + 1), $"10.0.0.1:{5000 + number}", []);

    public void Lead() => Tell(new LeadershipObserved(3, "10.0.0.1:4053", "the lease was free"));

    public void Join(int number, string? name = null)
    {
        Tell(new MemberJoined(Member(number, name), "it asked to"));
        Tell(new MemberUp(Member(number, name), "all members have seen it"));
        Tell(new WorkerObserved(Worker(number, name), 0, "", 0, "cpu", ""));
        Tell(new VitalsObserved(
            (ulong)(number + 1),
            new WorkerVitals("cpu", 1, (200L + number) << 20, 0, 0, 0.5 + number % 5 / 10.0)));
    }

    /// <summary>So many workers with one job that runs on all of them.</summary>
    public void Begin(int workers)
    {
        Lead();
        WorkerCount = workers;
        for (int number = 0; number < workers; number++)
            Join(number);
        Tell(new JobObserved(Job, Describe("course-cnn", workers), 0));
        Tell(new JobHappened(Job, new JobAccepted(Job)));
        RankAssignment[] ranks =
        [
            .. Enumerable.Range(0, workers).Select(rank => new RankAssignment(
                rank, Worker(rank), new ShardRange(rank, rank + 1))),
        ];
        Tell(new GenerationObserved(
            new Generation(Job, 1, ranks, new StartPoint(0, 0, 0, "")), "all workers are here"));
        for (int number = 0; number < workers; number++)
            Tell(new WorkerObserved(Worker(number), Job, "training", 0, "cpu", ""));
        Tell(new JobStatusObserved(new JobStatus(Job, "course-cnn", "training", 1, 0, 2000)));
    }

    /// <summary>Every rank reports so many steps more.</summary>
    public void Advance(int steps)
    {
        for (int rank = 0; rank < WorkerCount; rank++)
        {
            StepRecord[] records =
                [.. Enumerable.Range(1, steps).Select(more => StepOf(rank, Step + more))];
            Tell(new StepsObserved(Job, (ulong)(rank + 1), rank, 1, records));
        }

        for (int step = 0; step < steps; step++)
        {
            Step++;
            Tell(new JobHappened(Job, new StepCommitted(
                Step, 2000, 1 + (int)(Step / 100), 20, 2.2 * Math.Exp(-Step / 150.0) + 0.1,
                WorkerCount * 160 + 20 * Math.Sin(Step / 9.0))));
            if (Step % 100 == 0)
            {
                int epoch = (int)(Step / 100);
                double accuracy = 0.98 - 0.5 * Math.Exp(-epoch / 2.0);
                Tell(new JobHappened(Job, new EpochCompleted(
                    epoch, Step, 2 - 1.7 * accuracy, accuracy + 0.005, 2.1 - 1.7 * accuracy,
                    accuracy, 12.5)));
            }
        }
    }

    public static StepRecord StepOf(int rank, long step)
    {
        double noise = CounterRandom.UnitDouble((ulong)rank, (ulong)step);
        double compute = (rank == SlowRank ? 84 : 40) + 4 * noise;
        double wait = rank == SlowRank ? 0.5 : 44 - 4 * noise;
        return new StepRecord(step, 1.5, 40, 64, 0.01, compute, 6, wait, compute + wait + 6);
    }

    public static JobDescription Describe(string name, int workers) => new(
        name, "spec", $"/runs/{name}", workers, 1, Math.Max(8, workers), ReductionOrder.Exact, 256,
        6400, 5, new StepSchedule(2000, 100, 100, 0), 0, "", "", 0, "commit");

    /// <summary>A sweep with two objectives of which so many trials have ended.</summary>
    public void BeginSweep(int trials, int wanted)
    {
        SweepDescription description = new(
            "learning-rate", "/runs/sweep", "spec", [],
            new SearchSpace(
            [
                new RealDimension("optimizer.rate", [], 1e-5, 1, null, IsLogarithmic: true),
                new IntegerDimension("model.filters", [], 8, 64, 8, IsLogarithmic: false),
                new ChoiceDimension("optimizer.kind", [], ["adam", "sgd", "rmsprop"]),
                new RealDimension("dropout", [], 0, 0.6, null, IsLogarithmic: false),
            ]),
            new GridSpec(), new NoSchedulerSpec(),
            [
                new Objective(ObjectiveMetric.TestAccuracy, IsMaximized: true),
                new Objective(ObjectiveMetric.ImagesPerSecond, IsMaximized: true),
            ],
            new SweepLimits(wanted, 0, 1, null, 1), [1], Epochs, 1, false, [], "");
        _decisions = 1;
        var decisions = new List<SweepDecision>(4 * trials + 1)
        {
            new SweepSubmitted(Sweep, description),
        };
        for (int trial = 0; trial < trials; trial++)
            decisions.AddRange(Trial(trial));
        Tell(new SweepObserved(decisions));
    }

    /// <summary>One trial more.</summary>
    public void AddTrial(int trial)
    {
        foreach (SweepDecision decision in Trial(trial))
            Tell(new SweepObserved([decision]));
    }

    private IEnumerable<SweepDecision> Trial(int trial)
    {
        double draw(int of) => CounterRandom.UnitDouble(42, (ulong)(8L * trial + of));
        double rate = Math.Pow(10, -5 * draw(0));
        int filters = 8 * (1 + (int)(8 * draw(1)));
        string kind = new[] { "adam", "sgd", "rmsprop" }[(int)(3 * draw(2))];
        yield return new TrialSuggested(
            Sweep, _decisions++, trial,
            [
                new("optimizer.rate", rate.ToString("0.00e+0", null)),
                new("model.filters", filters.ToString((IFormatProvider?)null)),
                new("optimizer.kind", kind),
                new("dropout", (0.6 * draw(3)).ToString("0.000", null)),
            ],
            "drawn", 0);
        yield return new LegStarted(Sweep, _decisions++, trial, 1, Epochs, -1, 0);
        double accuracy = 0.98 - 0.05 * Math.Pow(Math.Log10(rate) + 2.5, 2)
            - 0.6 / filters + 0.02 * draw(4);
        bool hasFailed = trial % 25 == 24;
        var result = new TrialResult(
            Epochs, 1 - accuracy, accuracy, 1 - accuracy, accuracy,
            9000 - 90 * filters + 500 * draw(5), 20 + filters, "");
        yield return new LegEnded(Sweep, _decisions++, trial, 1, hasFailed
            ? new LegOutcome(LegEnd.Hopeless, null, "", "the loss is NaN <b>here</b>")
            : new LegOutcome(LegEnd.Reached, result, "", ""));
        yield return new TrialEnded(
            Sweep, _decisions++, trial, hasFailed ? TrialEnd.Failed : TrialEnd.Completed,
            hasFailed ? "the loss is NaN <b>here</b>" : "", 0);
    }
}
