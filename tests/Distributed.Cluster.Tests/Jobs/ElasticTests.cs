using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// Jobs whose workers and coordinators come, go and fail: the run's result, its record and its
/// samples are those of an undisturbed run.
/// </summary>
public sealed class ElasticTests
{
    private const int Steps = 30;

    public static TheoryData<int, int> WorkersAndSteps()
    {
        var data = new TheoryData<int, int>();
        foreach (int workers in new[] { 2, 3, 4 })
        {
            for (int step = 1; step < 12; step++)
                data.Add(workers, step);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(WorkersAndSteps))]
    public void AKilledWorkerCostsNoStep(int workers, int step)
    {
        for (int victim = 0; victim < workers; victim++)
        {
            FakeCluster cluster = Cluster(workers);
            cluster.Submit(FakeCluster.Job(workers, Steps));
            cluster.RunPast(step);
            cluster.Kill(cluster.Trainings[victim]);
            cluster.Run();
            cluster.LetGo();
            AssertUndisturbed(cluster);
            Assert.Equal(2, cluster.Generations.Count());
            Assert.Equal(
                $"w{victim} was lost", cluster.Generations.Last().Reason.Split(" (")[0]);
        }
    }

    [Theory]
    [MemberData(nameof(WorkersAndSteps))]
    public void ALaggardCopiesTheStateOfTheStepThatOthersCommitted(int workers, int step)
    {
        FakeCluster cluster = Cluster(workers);
        cluster.Submit(FakeCluster.Job(workers, Steps));
        cluster.RunPast(step);
        FakeTraining ahead = cluster.Trainings[workers - 1];
        cluster.Trainings[0].CommitAt(ahead);
        cluster.Kill(cluster.Trainings[0]);
        cluster.Run();
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(step + 1, cluster.Generations.Last().Step);
        Assert.Equal(0, ahead.Copies);
        Assert.All(
            cluster.Trainings.Skip(1).Take(workers - 2), late => Assert.Equal(1, late.Copies));
    }

    [Fact]
    public void ANewWorkerEntersAtAStepOnWhichAllAgreed()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(3, Steps) with { WorkerCount = 2 });
        cluster.RunPast(5);
        cluster.Kill(cluster.Trainings[1]);
        cluster.Run();
        cluster.AddWorker("w1");
        cluster.Run();
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(3, cluster.Generations.Count());
        Assert.Equal("w1 joins", cluster.Generations.Last().Reason);
        Assert.Equal(1, cluster.Trainings[2].Copies);
        // Only the kill redid a step: the join was agreed on.
        Assert.Equal(1, Assert.IsType<RunCompleted>(cluster.Outcome).StepsRedone);
    }

    [Fact]
    public void AWorkerThatStandsStillIsLeftOutAndComesBackAsNew()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, steps: Steps));
        cluster.RunPast(5);
        FakeTraining frozen = cluster.Trainings[1];
        cluster.Freeze(frozen);
        cluster.Run(0.9);
        Assert.Equal(["w0", "w2"], cluster.Generations.Last().Workers);
        cluster.RunPast(8);
        Assert.Equal(8, cluster.Trainings[0].Step);
        Assert.Equal(5, frozen.Step);

        cluster.Thaw(frozen);
        cluster.Run(1);
        cluster.RunPast(12);
        Assert.True(frozen.IsReleased);
        Assert.Equal(["w0", "w2", "w1"], cluster.Generations.Last().Workers);
        Assert.Equal(12, frozen.Step);
        cluster.LetGo();
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void AllWorkersLostGoesBackToTheCheckpointAndOn()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(2, Steps));
        cluster.RunPast(6);
        foreach (FakeTraining training in cluster.Trainings.ToList())
            cluster.Kill(training);
        cluster.Run(5);
        Assert.Contains(
            cluster.Events.OfType<Notice>(),
            notice => notice.Text.StartsWith("waiting for workers", StringComparison.Ordinal));
        cluster.AddWorker("x0");
        cluster.Run();
        AssertUndisturbed(cluster);
        Assert.Equal(4, cluster.Generations.Last().Step);
    }

    [Fact]
    public void BelowTheMinimumTheJobWaitsSaysSoAndGoesOn()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, Steps, minWorkers: 2));
        cluster.RunPast(6);
        cluster.Kill(cluster.Trainings[0]);
        cluster.Kill(cluster.Trainings[1]);
        cluster.Run(60);
        Assert.Single(cluster.Generations);
        Assert.Contains(
            cluster.Events.OfType<Notice>(),
            notice => notice.Text.Contains("1 of at least 2", StringComparison.Ordinal));
        cluster.AddWorker("w3");
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(6, cluster.Generations.Last().Step);
    }

    [Fact]
    public void ALeavingWorkerHandsOverAndGoes()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(2, Steps));
        cluster.RunPast(6);
        FakeTraining leaver = cluster.Trainings[0];
        leaver.Worker!.Tell(new LeaveCluster("the host goes down"));
        cluster.Run();
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Contains(leaver.Host.Heard, heard => heard is WorkerLeft);
        Assert.Equal("w0 leaves", cluster.Generations.Last().Reason);
        Assert.Equal(0, Assert.IsType<RunCompleted>(cluster.Outcome).StepsRedone);
    }

    [Fact]
    public void TheLastWorkerSavesBeforeItLeaves()
    {
        FakeCluster cluster = Cluster(1);
        cluster.Submit(FakeCluster.Job(1, Steps));
        cluster.RunPast(6);
        FakeTraining leaver = cluster.Trainings[0];
        leaver.Worker!.Tell(new LeaveCluster("the host goes down"));
        cluster.Run();
        cluster.LetGo();
        cluster.Run(5);
        Assert.Contains(leaver.Host.Heard, heard => heard is WorkerLeft);
        long saved = leaver.Saved[^1];
        Assert.True(saved > 4, "the state after the agreed step is saved");
        cluster.AddWorker("w1");
        cluster.Run();
        AssertUndisturbed(cluster);
        Assert.Equal(saved, cluster.Generations.Last().Step);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void WorkersStepOnWithoutACoordinatorAndItsSuccessorLosesNothing(int coordinators)
    {
        for (int step = 1; step < 12; step++)
        {
            FakeCluster cluster = Cluster(3, coordinators);
            cluster.Submit(FakeCluster.Job(3, Steps));
            cluster.RunPast(step);
            string leader = cluster.Leader;
            cluster.KillCoordinator(leader);
            cluster.RunPast(step + 5);
            Assert.All(
                cluster.Trainings, training => Assert.Equal(step + 5, training.Step));
            if (coordinators == 1)
                cluster.StartCoordinator(leader);
            cluster.Run(5);
            cluster.Watch(cluster.Events.OfType<EpochCompleted>().Count());
            cluster.LetGo();
            AssertUndisturbed(cluster);
            // The workers stayed together: nothing was redone for the change.
            Assert.Single(cluster.Store.Decisions.OfType<GenerationDecided>());
            Assert.Equal(2, cluster.Store.Lease.Term);
        }
    }

    [Fact]
    public void AWorkerThatDiesWhileThereIsNoCoordinatorIsReplacedByTheSuccessor()
    {
        FakeCluster cluster = Cluster(3, coordinators: 2);
        cluster.Submit(FakeCluster.Job(3, Steps));
        cluster.RunPast(5);
        cluster.KillCoordinator(cluster.Leader);
        cluster.RunPast(8);
        cluster.Kill(cluster.Trainings[2]);
        cluster.Run(10);
        cluster.Watch(0);
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(2, cluster.Store.Decisions.OfType<GenerationDecided>().Count());
    }

    [Fact]
    public void ACoordinatorWhoseStoreHangsStopsActing()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(2, Steps));
        cluster.RunPast(5);
        cluster.Store.IsOut = true;
        cluster.Run(5);
        cluster.Kill(cluster.Trainings[1]);
        cluster.Run(5);
        Assert.Single(cluster.Generations);
        cluster.Store.IsOut = false;
        cluster.Run(10);
        cluster.Watch(0);
        cluster.LetGo();
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void AWorkerThatDoesNotHaltIsLeftOut()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, Steps));
        cluster.RunPast(5);
        cluster.Trainings[1].IgnoresHalt = true;
        cluster.Kill(cluster.Trainings[0]);
        cluster.Run(40);
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(["w2"], cluster.Generations.Last().Workers);
    }

    [Fact]
    public void AWorkerThatCannotPrepareIsLeftOutOfARunningJob()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(3, Steps) with { WorkerCount = 2 });
        cluster.RunPast(5);
        cluster.Kill(cluster.Trainings[1]);
        cluster.Run();
        FakeTraining newcomer = cluster.AddWorker("w2");
        newcomer.FailureAtPrepare = new WorkFailure(Blame.Job, 1, -1, "the dataset is missing");
        cluster.Run();
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Contains(
            cluster.Events.OfType<Notice>(),
            notice => notice.Text.Contains("the dataset is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void AStopWhileTheJobWaitsSavesWhatItsWorkersHold()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(2, Steps, minWorkers: 2));
        cluster.RunPast(6);
        cluster.Kill(cluster.Trainings[0]);
        cluster.Run();
        cluster.Stop();
        cluster.Run();
        Assert.Equal(6, Assert.IsType<RunInterrupted>(cluster.Outcome).Step);
        Assert.Equal(6, cluster.Trainings[1].Saved[^1]);
    }

    [Fact]
    public void EveryDecisionIsInTheStoreBeforeAnyoneHearsOfIt()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, Steps));
        cluster.RunPast(3);
        cluster.Store.IsOut = true;
        cluster.Kill(cluster.Trainings[0]);
        cluster.Run(0.5);
        Assert.All(cluster.Trainings, training => Assert.NotEqual(2, training.Generation?.Number));
        Assert.Single(cluster.Generations);
    }

    private static void AssertUndisturbed(FakeCluster cluster)
    {
        var completed = Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal(Steps, completed.Steps);
        Assert.Equal(0, completed.StepsLost);
        Assert.Equal($"{Steps * (Steps + 1) / 2}", completed.ParametersSha256);
        Assert.Equal(
            Enumerable.Range(1, Steps).Select(step => (long)step), cluster.Recorder.Steps);
        Assert.Equal(
            Enumerable.Range(1, 8), cluster.Recorder.Epochs.Select(epoch => epoch.Epoch));
        Assert.Distinct(cluster.Recorder.Times);
    }

    private static FakeCluster Cluster(int workers, int coordinators = 1)
    {
        var cluster = new FakeCluster(coordinators);
        for (int worker = 0; worker < workers; worker++)
            cluster.AddWorker($"w{worker}");
        return cluster;
    }
}
