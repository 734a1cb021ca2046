using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Cluster.Tests.Jobs;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>
/// Sweeps on the production actors, on a virtual clock: jobs are run by workers that compute on
/// integers, and coordinators are killed wherever it could matter.
/// </summary>
public sealed class SweepActorTests
{
    private const int Epochs = 4;

    private static SweepDescription Sweep(
        SchedulerSpec? scheduler = null, int trials = 6, int concurrent = 0, int perTrial = 1,
        int retries = 2) => ModelSweeps.Of(
            new RandomSpec(), scheduler ?? new AshaSpec(2), trials, concurrent, epochs: Epochs,
            retries: retries, workersPerTrial: perTrial);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void ASweepRunsToItsEnd(int workers)
    {
        var sweep = new SweepCluster(workers);
        sweep.Submit(Sweep());
        sweep.Cluster.Run(60);
        SweepState state = sweep.AssertEnded();
        sweep.AssertTold();
        Assert.Equal(6, sweep.Trials.Concluded.Count);
        Assert.Contains(state.Trials, trial => trial.End is TrialEnd.Completed);
        // 1 + 2 + … + 12, the sum of the steps that a trial of four epochs has had.
        Assert.All(
            state.Trials.Where(trial => trial.End is TrialEnd.Completed),
            trial => Assert.Equal("78", trial.Results[^1].ParametersSha256));
        Assert.All(state.Trials, trial => Assert.Equal(100 + trial.Number, trial.ParameterCount));
    }

    public static TheoryData<SchedulerSpec> Schedulers =>
        new(new NoSchedulerSpec(), new AshaSpec(2), new PbtSpec(1));

    /// <summary>Each append may be the last thing that a coordinator lives to see.</summary>
    [Theory]
    [MemberData(nameof(Schedulers))]
    public void ACoordinatorMayDieAtAnyDecision(SchedulerSpec scheduler)
    {
        var calm = new SweepCluster(2);
        calm.Submit(Sweep(scheduler, trials: 3));
        calm.Cluster.Run(60);
        calm.AssertEnded(trials: 3);
        int decisions = calm.Store.SweepDecisions;
        for (int count = 1; count <= decisions; count++)
        {
            var sweep = new SweepCluster(2, coordinators: 2);
            sweep.Store.CutAfterSweepDecisions = count;
            sweep.Submit(Sweep(scheduler, trials: 3));
            sweep.Cluster.Run(0.1);
            for (int wait = 0; wait < 600 && !sweep.Store.HasCut; wait++)
                sweep.Cluster.Run(0.1);
            Assert.True(sweep.Store.HasCut);
            sweep.Cluster.KillCoordinator(sweep.Cluster.Leader);
            sweep.Cluster.Run(10);
            sweep.WatchAgain();
            sweep.Cluster.Run(60);
            sweep.AssertEnded(trials: 3);
            sweep.AssertTold();
            Assert.Equal(calm.Table(), sweep.Table());
        }
    }

    [Fact]
    public void AStoreThatFailsIsAskedAgain()
    {
        var sweep = new SweepCluster(2);
        sweep.Submit(Sweep());
        for (int wait = 0; wait < 30; wait++)
        {
            sweep.Store.IsOut = wait % 2 == 0;
            sweep.Cluster.Run(0.4);
        }

        sweep.Store.IsOut = false;
        sweep.Cluster.Run(60);
        sweep.AssertEnded();
        sweep.WatchAgain();
        sweep.Cluster.Run(1);
        sweep.AssertTold();
    }

    [Fact]
    public void APausedSweepSavesItsTrialsAndGoesOnFromThere()
    {
        var sweep = new SweepCluster(2);
        sweep.Submit(Sweep(new NoSchedulerSpec()));
        sweep.Cluster.RunPast(4);
        sweep.Cluster.Tell(new PauseSweep(SweepCluster.Number, "lunch"));
        sweep.Cluster.Run(0.2);
        sweep.Cluster.LetGo();
        sweep.Cluster.Run(30);
        SweepState paused = sweep.State();
        Assert.Equal(("lunch", 0), (paused.PauseReason, paused.RunningCount));
        Assert.Equal(2, sweep.Store.Sweep(SweepCluster.Number).Count(
            decision => decision is LegEnded { Outcome.End: LegEnd.Interrupted }));
        int legs = sweep.Trials.Asked.Count;

        sweep.AssertTaken(new ResumeSweep(SweepCluster.Number));
        sweep.Cluster.Run(60);
        sweep.AssertEnded();
        sweep.AssertTold();
        Assert.True(sweep.Trials.Asked.Count > legs);
        // It went on at the very step after which it had been interrupted.
        StoredJob[] jobs =
        [
            .. sweep.Store.Jobs.Where(job => job.Description.Name == "trial-0")
                .OrderBy(job => job.Description.StartStep),
        ];
        long step = Assert.IsType<RunInterrupted>(jobs[0].Outcome).Step;
        Assert.InRange(step, 5, 11);
        Assert.Equal([0, step], jobs.Select(job => job.Description.StartStep));
    }

    /// <summary>The pause comes between the leg's decision and its job.</summary>
    [Fact]
    public void ALegThatWasNotSubmittedYetWaitsForTheEndOfThePause()
    {
        var sweep = new SweepCluster(1);
        sweep.Trials.Holds = true;
        sweep.Submit(Sweep(trials: 2));
        sweep.Cluster.Run(1);
        sweep.AssertTaken(new PauseSweep(SweepCluster.Number, "lunch"));
        sweep.Trials.LetGo();
        sweep.Cluster.Run(5);
        Assert.Empty(sweep.Store.Jobs);
        Assert.Equal(0, sweep.State().RunningCount);
        sweep.AssertTaken(new ResumeSweep(SweepCluster.Number));
        sweep.Cluster.Run(30);
        sweep.AssertEnded(trials: 2);
    }

    [Fact]
    public void AStoppedSweepEndsAndTakesNoMoreOrders()
    {
        var sweep = new SweepCluster(2);
        sweep.Submit(Sweep(new NoSchedulerSpec()));
        sweep.Cluster.RunPast(4);
        sweep.Cluster.Tell(new StopSweep(SweepCluster.Number, "enough"));
        sweep.Cluster.Run(0.2);
        sweep.Cluster.LetGo();
        sweep.Cluster.Run(30);
        SweepState state = sweep.AssertEnded(trials: 2);
        Assert.All(state.Trials, trial => Assert.Equal(TrialEnd.Cancelled, trial.End));
        foreach (SweepOrder order in new SweepOrder[]
        {
            new PauseSweep(SweepCluster.Number, ""), new AddTrials(SweepCluster.Number, 1),
            new RetryTrial(SweepCluster.Number, -1),
        })
        {
            SweepOrderReply reply = sweep.Order(order);
            Assert.False(reply.Taken);
            Assert.Contains("enough", reply.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TrialsAreAddedAndFailedOnesRetriedAfterTheEnd()
    {
        var sweep = new SweepCluster(2);
        sweep.Trials.Refusals[1] = LegEnd.Hopeless;
        sweep.Submit(Sweep(new NoSchedulerSpec(), trials: 3));
        sweep.Cluster.Run(30);
        Assert.Equal(TrialEnd.Failed, sweep.AssertEnded(trials: 3).Trials[1].End);
        sweep.AssertTaken(new AddTrials(SweepCluster.Number, 2));
        sweep.Cluster.Run(30);
        sweep.AssertEnded(trials: 5);
        sweep.AssertTaken(new RetryTrial(SweepCluster.Number, -1));
        sweep.Cluster.Run(30);
        SweepState state = sweep.AssertEnded(trials: 5);
        Assert.All(state.Trials, trial => Assert.Equal(TrialEnd.Completed, trial.End));
        SweepOrderReply none = sweep.Order(new RetryTrial(SweepCluster.Number, 1));
        Assert.Equal(
            new SweepOrderReply(
                false, "trial 1 has not failed, so it cannot be retried; none has failed"),
            none);
        sweep.AssertTold();
    }

    [Fact]
    public void AFullDiskPausesUntilSomebodyResumes()
    {
        var sweep = new SweepCluster(1);
        sweep.Trials.Refusals[2] = LegEnd.DiskFull;
        sweep.Submit(Sweep());
        sweep.Cluster.Run(30);
        Assert.StartsWith("trial 2: refused", sweep.State().PauseReason, StringComparison.Ordinal);
        sweep.AssertTaken(new ResumeSweep(SweepCluster.Number));
        sweep.Cluster.Run(30);
        Assert.DoesNotContain(sweep.AssertEnded().Trials, trial => trial.End is TrialEnd.Failed);
    }

    /// <summary>Where there are not enough for one trial they are waited for.</summary>
    [Fact]
    public void TrialsWaitForAsManyWorkersAsTheyAskFor()
    {
        var sweep = new SweepCluster(1);
        sweep.Submit(Sweep(perTrial: 2));
        sweep.Cluster.Run(60);
        Assert.Empty(sweep.State().Trials);
        sweep.Cluster.AddWorker("late");
        sweep.Cluster.Run(60);
        sweep.AssertEnded();
    }

    [Fact]
    public void AWorkerOnWhichTrialsBreakGetsNoMore()
    {
        var sweep = new SweepCluster(2);
        FakeTraining broken = sweep.Cluster.Trainings[1];
        broken.FailureAtNextStep = new WorkFailure(Blame.Worker, 1, -1, "its device failed");
        sweep.Submit(Sweep(new NoSchedulerSpec(), retries: 5));
        sweep.Cluster.Run(600);
        SweepState state = sweep.AssertEnded();
        Assert.Equal(["w1"], state.Benched);
        Assert.All(state.Trials, trial => Assert.Equal(TrialEnd.Completed, trial.End));
        Assert.Equal(3, sweep.Store.Sweep(SweepCluster.Number).Count(
            decision => decision is LegEnded { Outcome: { End: LegEnd.Broken, Worker: "w1" } }));
    }

    /// <summary>Each gets whole trials' worth, and none more than it can use.</summary>
    [Theory]
    [InlineData(4, 1, 0, 2, 2)]
    [InlineData(3, 1, 0, 2, 1)]
    [InlineData(3, 2, 0, 1, 0)]
    [InlineData(5, 2, 0, 1, 1)]
    [InlineData(4, 1, 1, 1, 3)]
    public void TwoSweepsShareTheWorkers(
        int workers, int perTrial, int concurrent, int first, int second)
    {
        var sweep = new SweepCluster(workers: 0);
        sweep.Submit(Sweep(perTrial: perTrial, concurrent: concurrent));
        sweep.Submit(Sweep(perTrial: perTrial), sweep: 2);
        sweep.Cluster.Run(1);
        for (int index = 0; index < workers; index++)
            sweep.Cluster.AddWorker($"w{index}");
        sweep.Cluster.RunPast(1);
        sweep.Cluster.Run(40);
        Assert.Equal(
            (first, second), (sweep.State().RunningCount, sweep.State(2).RunningCount));
        sweep.Cluster.LetGo();
        sweep.Cluster.Run(90);
        sweep.AssertEnded();
        sweep.AssertEnded(sweep: 2);
    }

    [Fact]
    public void TheSameSubmissionTwiceIsOneSweep()
    {
        var sweep = new SweepCluster(2);
        sweep.Submit(Sweep());
        sweep.Submit(Sweep());
        sweep.Cluster.Run(60);
        sweep.Submit(Sweep());
        sweep.Cluster.Run(10);
        sweep.AssertEnded();
    }

    [Fact]
    public void WhatIsNotKnownIsSaid()
    {
        var sweep = new SweepCluster(1);
        SweepOrderReply reply = sweep.Order(new ResumeSweep(99));
        Assert.False(reply.Taken);
        Assert.Contains("knows no sweep", reply.Message, StringComparison.Ordinal);
    }
}
