using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Tests.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>A cluster that runs sweeps, and somebody who watches them.</summary>
internal sealed class SweepCluster
{
    public const ulong Number = 0x5eeb;

    private readonly Ear ear = new();
    private readonly Ear replies = new();
    private FakeTrials? trials;

    public SweepCluster(int workers, int coordinators = 1)
    {
        Cluster = new FakeCluster(coordinators, store => trials ??= new FakeTrials(store));
        for (int index = 0; index < workers; index++)
            Cluster.AddWorker($"w{index}");
        Cluster.Run();
    }

    public FakeCluster Cluster { get; }

    public FakeTrials Trials => trials!;

    public FakeStore Store => Cluster.Store;

    /// <summary>What the watcher was told, in order.</summary>
    public IReadOnlyList<SweepDecision> Told =>
        [.. ear.Heard.OfType<SweepProgressed>().SelectMany(progressed => progressed.Decisions)];

    public SweepState State(ulong sweep = Number) => SweepState.Of(Store.Sweep(sweep));

    public void Submit(SweepDescription description, ulong sweep = Number) => Cluster.Tell(
        new SubmitSweep(new SweepSubmitted(sweep, description), ear));

    /// <summary>Watches on from where it has seen it.</summary>
    public void WatchAgain() => Cluster.Tell(new WatchSweep(Number, Told.Count, ear));

    /// <summary>The reply to an order; the sweep goes on for a second.</summary>
    public SweepOrderReply Order(SweepOrder order)
    {
        int count = replies.Heard.Count;
        Cluster.Tell(order, replies);
        Cluster.Run(1);
        Assert.Equal(count + 1, replies.Heard.Count);
        return Assert.IsType<SweepOrderReply>(replies.Heard[^1]);
    }

    public void AssertTaken(SweepOrder order) =>
        Assert.Equal(new SweepOrderReply(true, ""), Order(order));

    /// <summary>Each trial ended once, nothing runs, and no leg has had two jobs.</summary>
    public SweepState AssertEnded(ulong sweep = Number, int trials = 6)
    {
        SweepState state = State(sweep);
        Assert.NotNull(state.EndReason);
        Assert.Equal(trials, state.Trials.Count);
        Assert.Equal(0, state.RunningCount);
        Assert.All(state.Trials, trial => Assert.NotNull(trial.End));
        int revived = Store.Sweep(sweep).Count(decision => decision is TrialRetried);
        Assert.Equal(
            trials + revived, Store.Sweep(sweep).Count(decision => decision is TrialEnded));
        Assert.All(Store.Jobs, job => Assert.NotNull(job.Outcome));
        return state;
    }

    /// <summary>The watcher has seen all that the store holds, in its order.</summary>
    public void AssertTold() => Assert.Equal(
        Store.Sweep(Number).Select(ModelSweep.Text), Told.Select(ModelSweep.Text));

    /// <summary>What came of the trials, but for how long it took.</summary>
    public string Table() => string.Join('\n', State().Trials.Select(trial =>
        $"{trial.Number} {trial.End} {SweepSpaces.Show(trial.Parameters)} "
        + string.Join(",", trial.Results.Select(
            result => $"{result.Epoch}:{result.TestLoss}:{result.ParametersSha256}"))));

    private sealed class Ear : IActorRef
    {
        public List<object> Heard { get; } = [];

        public string Path => "/ear";

        public void Tell(object message, IActorRef? sender = null) => Heard.Add(message);
    }
}
