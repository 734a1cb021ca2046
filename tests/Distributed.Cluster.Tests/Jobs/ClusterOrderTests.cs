using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// What a person orders a running cluster to do: it happens at a step boundary, it outlives the
/// coordinator, and the run's result and record are those of an undisturbed run.
/// </summary>
public sealed class ClusterOrderTests
{
    private const int Steps = 30;
    private const ulong Number = FakeCluster.JobNumber;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void APausedJobStandsStillAfterOneStepUntilItIsResumed(int workers)
    {
        FakeCluster cluster = Running(workers, atStep: 5);
        Assert.True(Reply(cluster, new PauseJob(Number, "lunch")).Taken);
        cluster.LetGo();
        cluster.Run(60);

        // The step in flight is committed, and the next one carries the votes.
        Assert.All(cluster.Trainings, training => Assert.Equal(7, training.Step));
        Assert.Equal("paused: lunch", Assert.Single(cluster.Status().Jobs).State);
        Assert.Single(cluster.Generations);
        Assert.Contains(
            cluster.Events.OfType<Notice>(), notice => notice.Text.StartsWith(
                "paused: lunch; the job stands still after step 7", StringComparison.Ordinal));

        Assert.True(Reply(cluster, new ResumeJob(Number)).Taken);
        cluster.Run();
        AssertUndisturbed(cluster);
        Assert.Equal("the job was resumed", cluster.Generations.Last().Reason);
        Assert.Equal(0, Assert.IsType<RunCompleted>(cluster.Outcome).StepsRedone);
    }

    [Fact]
    public void APauseOutlivesTheCoordinatorAndSoDoesItsReason()
    {
        FakeCluster cluster = Running(2, atStep: 5, coordinators: 2);
        Reply(cluster, new PauseJob(Number, "lunch"));
        cluster.LetGo();
        cluster.KillCoordinator(cluster.Leader);
        cluster.Run(20);
        Assert.Equal("paused: lunch", Assert.Single(cluster.Status().Jobs).State);
        Assert.Single(cluster.Generations);

        Reply(cluster, new ResumeJob(Number));
        cluster.Run();
        cluster.Watch(epochsSeen: 0);
        cluster.Run();
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void WhileAJobIsPausedItsWorkersMayDieAndOthersMayCome()
    {
        FakeCluster cluster = Running(3, atStep: 5);
        Reply(cluster, new PauseJob(Number, "lunch"));
        cluster.LetGo();
        cluster.Kill(cluster.Trainings[0]);
        cluster.Run(10);
        cluster.AddWorker("w9");
        cluster.Run(10);
        Assert.Single(cluster.Generations);
        Assert.Equal("paused: lunch", Assert.Single(cluster.Status().Jobs).State);

        Reply(cluster, new ResumeJob(Number));
        cluster.Run();
        AssertUndisturbed(cluster);
        Assert.Equal(["w1", "w2", "w9"], cluster.Generations.Last().Workers);
    }

    [Fact]
    public void APausedJobCanBeStoppedWithItsStateSaved()
    {
        FakeCluster cluster = Running(2, atStep: 5);
        Reply(cluster, new PauseJob(Number, "lunch"));
        cluster.LetGo();
        cluster.Stop();
        cluster.Run();
        Assert.Equal(7, Assert.IsType<RunInterrupted>(cluster.Outcome).Step);
        Assert.Equal(7, cluster.Store.Jobs.Single().CheckpointStep);
    }

    [Fact]
    public void APausedJobCanBeSavedWhereItStands()
    {
        FakeCluster cluster = Running(2, atStep: 5);
        Reply(cluster, new PauseJob(Number, "lunch"));
        cluster.LetGo();
        Assert.True(Reply(cluster, new CheckpointJob(Number)).Taken);
        cluster.Run();
        Assert.Equal(7, cluster.Events.OfType<CheckpointSaved>().Last().Step);
        Assert.Single(cluster.Generations);
    }

    [Fact]
    public void AJobThatIsPausedBeforeItBeginsWaitsForItsResumption()
    {
        var cluster = new FakeCluster();
        cluster.Submit(FakeCluster.Job(2, Steps));
        cluster.Run(0.5);
        Reply(cluster, new PauseJob(Number, "not yet"));
        cluster.AddWorker("w0");
        cluster.AddWorker("w1");
        cluster.Run(FakeCluster.WorkersDeadline.TotalSeconds * 2);
        Assert.Empty(cluster.Generations);
        Reply(cluster, new ResumeJob(Number));
        cluster.Run();
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void ACheckpointThatIsAskedForIsSavedOnceAndStopsNothing()
    {
        var cluster = new FakeCluster();
        for (int worker = 0; worker < 3; worker++)
            cluster.AddWorker($"w{worker}");
        cluster.Run(0.5);
        cluster.Submit(FakeCluster.Job(3, Steps, checkpointEvery: 100));
        cluster.RunPast(5);
        Assert.True(Reply(cluster, new CheckpointJob(Number)).Taken);
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(
            [7L, Steps], cluster.Events.OfType<CheckpointSaved>().Select(saved => saved.Step));
        Assert.Single(cluster.Generations);
    }

    [Theory]
    [InlineData(4, 2)]
    [InlineData(4, 1)]
    [InlineData(2, 4)]
    [InlineData(1, 3)]
    public void AScaledJobGoesOnWithAsManyWorkers(int before, int after)
    {
        FakeCluster cluster = Running(before, atStep: 5, idle: Math.Max(0, after - before));
        Assert.True(Reply(cluster, new ScaleJob(Number, after)).Taken);
        cluster.Run();
        cluster.RunPast(15);
        Assert.Equal(after, cluster.Generations.Last().Workers.Count);
        Assert.Equal(after, cluster.Status().Workers.Count(worker => worker.Job == Number));
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Equal(0, Assert.IsType<RunCompleted>(cluster.Outcome).StepsRedone);
    }

    [Fact]
    public void AScaledJobLetsItsHotSparesGoAndStaysScaledUnderTheNextCoordinator()
    {
        FakeCluster cluster = Running(6, atStep: 5, coordinators: 2);
        Reply(cluster, new ScaleJob(Number, 5));
        cluster.RunPast(8);
        Assert.Equal(5, cluster.Status().Workers.Count(worker => worker.Job == Number));
        Assert.Single(cluster.Generations);
        Assert.Equal(5, cluster.Store.Jobs.Single().Description.WorkerCount);
    }

    [Fact]
    public void WhatScalingComesToIsTold()
    {
        FakeCluster cluster = Running(2, atStep: 5);
        Assert.Contains("4 are hot spares", Message(cluster, new ScaleJob(Number, 8)));
        Assert.Contains("2 of 3 usable workers", Message(cluster, new ScaleJob(Number, 3)));
        ClusterOrderReply none = Reply(cluster, new ScaleJob(Number, 0));
        Assert.False(none.Taken);
        Assert.Contains("expected 1 or more", none.Message);
    }

    [Fact]
    public void AWorkerThatIsAskedToLeaveHandsOverAndItsProcessEnds()
    {
        FakeCluster cluster = Running(3, atStep: 5);
        Assert.True(Reply(cluster, new LeaveWorker("w1", "maintenance")).Taken);
        cluster.Run();
        cluster.LetGo();
        AssertUndisturbed(cluster);
        Assert.Contains(cluster.Trainings[1].Host.Heard, heard => heard is WorkerLeft);
        Assert.Equal("w1 leaves", cluster.Generations.Last().Reason);
        Assert.Equal(0, Assert.IsType<RunCompleted>(cluster.Outcome).StepsRedone);
    }

    [Fact]
    public void AWorkerThatIsDownedComesBackAsNewAndTheReasonIsTold()
    {
        FakeCluster cluster = Running(3, atStep: 5);
        ulong before = IncarnationOf(cluster, "w1");
        Assert.True(Reply(cluster, new DownWorker("w1:1", "it smells")).Taken);
        cluster.Run();
        Assert.Contains(
            cluster.Generations, started => started.Reason == "w1 was lost (it smells)");
        Assert.NotEqual(before, IncarnationOf(cluster, "w1"));
        cluster.LetGo();
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void WorkersThatCannotBeReachedCanBeDownedTogether()
    {
        FakeCluster cluster = Running(3, atStep: 5);
        Assert.Equal(
            "no worker is unreachable", Message(cluster, new DownUnreachable("tidy up")));
        cluster.Kill(cluster.Trainings[2]);
        cluster.Run(0.1);
        Assert.Equal("down: w2", Message(cluster, new DownUnreachable("tidy up")));
        Assert.Equal(2, cluster.Status().Workers.Count);
    }

    [Fact]
    public void ABenchedWorkerHandsItsWorkOverAndGetsNoneUntilItIsUnbenched()
    {
        FakeCluster cluster = Running(2, atStep: 5, coordinators: 2, idle: 1);
        Assert.True(Reply(cluster, new BenchWorker("w0", "noisy")).Taken);
        cluster.Run();
        cluster.RunPast(10);
        cluster.RunPast(13);
        Assert.Equal(["w1", "w2"], cluster.Generations.Last().Workers.Order());
        Assert.Equal(5 + 2, cluster.Trainings[0].Step);

        // The next coordinator hears of it from the worker.
        cluster.KillCoordinator(cluster.Leader);
        cluster.Run(10);
        cluster.Kill(cluster.Trainings[2]);
        cluster.Run(5);
        cluster.RunPast(17);
        Assert.Equal(0ul, cluster.Status().Workers.Single(
            worker => worker.Worker.Name == "w0").Job);

        Assert.True(Reply(cluster, new UnbenchWorker("w0")).Taken);
        cluster.Run(1);
        cluster.RunPast(20);
        Assert.Equal(Number, cluster.Status().Workers.Single(
            worker => worker.Worker.Name == "w0").Job);
    }

    [Fact]
    public void WhatIsNotKnownIsRefusedWithWhatIs()
    {
        FakeCluster cluster = Running(2, atStep: 5);
        ClusterOrderReply job = Reply(cluster, new PauseJob(Number + 1, ""));
        Assert.False(job.Taken);
        Assert.Contains(Number.ToString("x16"), job.Message);
        ClusterOrderReply worker = Reply(cluster, new DownWorker("w7", ""));
        Assert.False(worker.Taken);
        Assert.Contains("w0", worker.Message);
        cluster.LetGo();
        Assert.Contains("has ended", Message(cluster, new ResumeJob(Number)));
    }

    private static FakeCluster Running(
        int workers, long atStep, int coordinators = 1, int idle = 0)
    {
        var cluster = new FakeCluster(coordinators);
        for (int worker = 0; worker < workers + idle; worker++)
            cluster.AddWorker($"w{worker}");
        cluster.Run(0.5);
        cluster.Submit(FakeCluster.Job(workers, Steps));
        cluster.RunPast(atStep);
        return cluster;
    }

    private static ClusterOrderReply Reply(FakeCluster cluster, ClusterOrder order) =>
        Assert.IsType<ClusterOrderReply>(cluster.Order(order));

    private static string Message(FakeCluster cluster, ClusterOrder order) =>
        Reply(cluster, order).Message;

    private static ulong IncarnationOf(FakeCluster cluster, string name) =>
        cluster.Status().Workers.Single(worker => worker.Worker.Name == name).Worker.Incarnation;

    private static void AssertUndisturbed(FakeCluster cluster)
    {
        RunCompleted completed = Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal(Steps, completed.Steps);
        Assert.Equal($"{Steps * (Steps + 1) / 2}", completed.ParametersSha256);
        Assert.Equal(
            Enumerable.Range(1, Steps).Select(step => (long)step),
            cluster.Recorder.Steps);
    }
}
