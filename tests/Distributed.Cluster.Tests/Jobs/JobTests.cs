using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// A job from submission to outcome, with the production actors on a virtual clock: who is told
/// what, in which order, and what happens when something fails.
/// </summary>
public sealed class JobTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AJobRunsToItsEndAndRecordsEveryStepOnce(int workers)
    {
        FakeCluster cluster = Cluster(workers);
        cluster.Submit(FakeCluster.Job(workers));
        cluster.Run();

        var completed = Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal(10, completed.Steps);
        Assert.Equal(0, completed.StepsLost);
        Assert.Equal("55", completed.ParametersSha256);
        Assert.Equal((2 * 246) + (2 * 64), completed.Samples);
        Assert.Equal(Enumerable.Range(1, 10).Select(step => (long)step), cluster.Recorder.Steps);
        Assert.Distinct(cluster.Recorder.Times);
        Assert.Equal([1, 2, 3], cluster.Recorder.Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal(1, cluster.Recorder.Endings);
    }

    [Fact]
    public void EventsComeInTheirOrder()
    {
        FakeCluster cluster = Cluster(1);
        cluster.Submit(FakeCluster.Job(1, steps: 4));
        cluster.Run();
        Assert.Equal(
            [
                typeof(JobAccepted), typeof(WorkerUp), typeof(GenerationStarted),
                typeof(StepCommitted), typeof(EpochCompleted), typeof(CheckpointSaved),
                typeof(RunCompleted),
            ],
            cluster.Events.Select(happened => happened.GetType()).Distinct());
    }

    /// <summary>10 batches' worth of loss 0.5·i and i correct of 10, i from 0 to 4.</summary>
    [Fact]
    public void AnEvaluationIsAddedUpOnce()
    {
        foreach (int workers in new[] { 1, 2, 3, 4 })
        {
            FakeCluster cluster = Cluster(workers);
            cluster.Submit(FakeCluster.Job(workers, steps: 4));
            cluster.Run();
            EpochCompleted epoch = Assert.Single(cluster.Events.OfType<EpochCompleted>());
            Assert.Equal(5.0 / 50, epoch.TestLoss);
            Assert.Equal(10.0 / 50, epoch.TestAccuracy);
        }
    }

    [Fact]
    public void AnyStopEndsAfterOneAgreedStepWithTheStateSaved()
    {
        // The step in flight is committed, and the next one carries the votes: 10 is the last.
        for (long step = 1; step < 8; step++)
        {
            FakeCluster cluster = Cluster(3);
            cluster.Submit(FakeCluster.Job(3));
            cluster.RunPast(step);
            cluster.Stop();
            cluster.Run();
            cluster.LetGo();
            var interrupted = Assert.IsType<RunInterrupted>(cluster.Outcome);
            Assert.InRange(interrupted.Step, step, step + 2);
            Assert.Equal(interrupted.Step, cluster.Trainings[0].Saved[^1]);
            Assert.All(cluster.Trainings, training => Assert.True(training.IsReleased));
        }
    }

    [Fact]
    public void AStopBeforeTheWorkersAreThereEndsTheJobAtOnce()
    {
        FakeCluster cluster = Cluster(1);
        cluster.Submit(FakeCluster.Job(2));
        cluster.Stop();
        cluster.Run();
        Assert.IsType<RunInterrupted>(cluster.Outcome);
    }

    [Fact]
    public void AResumedJobRunsTheRestAlone()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(start: 6));
        cluster.Run();
        Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal([7, 8, 9, 10],
            cluster.Recorder.Steps);
        Assert.Equal([2, 3], cluster.Recorder.Epochs.Select(epoch => epoch.Epoch));
    }

    [Fact]
    public void AJobResumedAtItsEndEvaluatesOnceMore()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(start: 10));
        cluster.Run();
        Assert.Equal(0.2, Assert.IsType<RunCompleted>(cluster.Outcome).TestAccuracy);
        Assert.Empty(cluster.Recorder.Steps);
    }

    [Fact]
    public void AJobWaitsForItsWorkersAndThenRuns()
    {
        FakeCluster cluster = Cluster(1);
        cluster.Submit(FakeCluster.Job(2));
        cluster.Run(10);
        Assert.Single(cluster.Events);
        cluster.AddWorker("late");
        cluster.Run();
        Assert.IsType<RunCompleted>(cluster.Outcome);
    }

    [Fact]
    public void TooFewWorkersForTooLongIsExitCode3()
    {
        FakeCluster cluster = Cluster(1);
        cluster.Submit(FakeCluster.Job(2));
        cluster.Run(FakeCluster.WorkersDeadline.TotalSeconds + 1);
        var failed = Assert.IsType<RunFailed>(cluster.Outcome);
        Assert.Equal(ExitCodes.NotEnoughWorkers, failed.ExitCode);
        Assert.Contains("asks for 2 workers, but 1 came", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WorkersBeyondTheShardsAreSparesAndAreToldSo()
    {
        FakeCluster cluster = Cluster(6);
        cluster.Submit(FakeCluster.Job(6, shards: 4));
        cluster.Run();
        Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal(2, cluster.Events.OfType<WorkerUp>().Count(worker => worker.Rank == -1));
        Assert.Contains("2 more are hot spares",
            Assert.Single(cluster.Events.OfType<Notice>()).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void DivergenceKeepsItsExitCode()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Trainings[1].FailureAtNextStep =
            new(Blame.Job, ExitCodes.NumericsDiverged, -1, "the loss of logical shard 3 is NaN");
        cluster.Submit(FakeCluster.Job());
        cluster.Run();
        var failed = Assert.IsType<RunFailed>(cluster.Outcome);
        Assert.Equal(ExitCodes.NumericsDiverged, failed.ExitCode);
        Assert.Contains("shard 3 is NaN", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ACheckpointThatCannotBeWrittenEndsTheRun()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Trainings[0].CheckpointFailure = "no space left for step 4";
        cluster.Submit(FakeCluster.Job());
        cluster.Run();
        Assert.Contains("no space left",
            Assert.IsType<RunFailed>(cluster.Outcome).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WorkersWithOtherNumericsAreRefusedBeforeTheFirstStep()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Trainings[1].Numerics = "library=1; threads=2";
        cluster.Submit(FakeCluster.Job());
        cluster.Run();
        Assert.Contains("threads=2 (expected threads=1)",
            Assert.IsType<RunFailed>(cluster.Outcome).Message, StringComparison.Ordinal);
        Assert.Empty(cluster.Recorder.Steps);
    }

    [Fact]
    public void AResumedRunMustHaveTheNumericsItWasMadeWith()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job(start: 4, numerics: "library=0; threads=1"));
        cluster.Run();
        Assert.Contains("library=1 (expected library=0)",
            Assert.IsType<RunFailed>(cluster.Outcome).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARunFolderThatCannotBeWrittenEndsTheRun()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Recorder.FailureOnBegin = "run.yaml cannot be written";
        cluster.Submit(FakeCluster.Job());
        cluster.Run();
        Assert.Equal("run.yaml cannot be written",
            Assert.IsType<RunFailed>(cluster.Outcome).Message);
    }

    private static FakeCluster Cluster(int workers)
    {
        var cluster = new FakeCluster();
        for (int worker = 0; worker < workers; worker++)
            cluster.AddWorker($"w{worker}");
        return cluster;
    }
}
