using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// A worker whose memory was corrupted is found, named and ejected, and the run ends with what an
/// undisturbed one ends with. Ranks hash every 3 steps, and where they save.
/// </summary>
public sealed class ConsensusTests
{
    /// <summary>Of 10 undisturbed steps: the sum of their numbers.</summary>
    private const string ParametersSha256 = "55";

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 4)]
    [InlineData(6, 4)]
    [InlineData(7, 4)]
    [InlineData(8, 8)]
    [InlineData(9, 8)]
    public void AnyRankCorruptedAtAnyStepIsEjectedAndTheRunEndsAsIfNothingHadHappened(
        long step, long checkpoint)
    {
        for (int corrupted = 0; corrupted < 3; corrupted++)
        {
            FakeCluster cluster = Cluster(3);
            cluster.Submit(FakeCluster.Job(3));
            cluster.RunPast(step);
            cluster.Trainings[corrupted].Corrupt();
            cluster.LetGo();
            var returned = Assert.Single(
                cluster.Store.Decisions.OfType<ReturnedToCheckpoint>());
            Assert.Equal(checkpoint, returned.Step);
            Assert.Equal([cluster.Trainings[corrupted].Incarnation], returned.Ejected);
            string notice = Assert.Single(
                cluster.Events.OfType<Notice>(),
                notice => notice.Text.Contains("ejected", StringComparison.Ordinal)).Text;
            Assert.StartsWith(
                $"worker w{corrupted} is ejected: after step ", notice, StringComparison.Ordinal);
            Assert.Equal(1, cluster.Trainings[corrupted].Preparations);
            Assert.True(cluster.Trainings[corrupted].IsReleased);
            Assert.DoesNotContain($"w{corrupted}", cluster.Generations.Last().Workers);
            AssertUndisturbed(cluster);
        }
    }

    [Fact]
    public void TheStepsRunAgainAreCountedAndNoneIsLost()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, checkpointEvery: 5));
        cluster.RunPast(6);
        cluster.Trainings[2].Corrupt();
        cluster.LetGo();
        var completed = Assert.IsType<RunCompleted>(cluster.Outcome);
        // Found after step 9, back to step 5.
        Assert.Equal(4, completed.StepsRedone);
        Assert.Equal(0, completed.StepsLost);
        Assert.Equal([5], cluster.Recorder.Returns);
    }

    [Fact]
    public void AnotherWorkerTakesThePlaceOfTheOneThatWasEjected()
    {
        FakeCluster cluster = Cluster(4);
        cluster.Submit(FakeCluster.Job(3));
        cluster.RunPast(5);
        cluster.Trainings[1].Corrupt();
        cluster.LetGo();
        Assert.Equal(["w0", "w2", "w3"], cluster.Generations.Last().Workers.Order());
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void ACheckpointOnWhichTheRanksDifferNeverCounts()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3));
        cluster.RunPast(7);
        cluster.Trainings[0].Corrupt();
        cluster.LetGo();
        // The rank that wrote it was the one that was wrong; the next one writes it again.
        Assert.Contains(8, cluster.Trainings[0].Saved);
        int returned = cluster.Store.Decisions.FindIndex(
            decision => decision is ReturnedToCheckpoint);
        Assert.Equal(
            [4L],
            cluster.Store.Decisions.Take(returned).OfType<CheckpointRecorded>()
                .Select(saved => saved.Step));
        Assert.Equal(
            [4L, 8, 10],
            cluster.Events.OfType<CheckpointSaved>().Select(saved => saved.Step));
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void EpochsThatWereVoidAreToldAgain()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, checkpointEvery: 100));
        cluster.RunPast(3);
        cluster.Trainings[1].Corrupt();
        cluster.LetGo();
        Assert.Equal(
            [1, 1, 2, 3], cluster.Events.OfType<EpochCompleted>().Select(epoch => epoch.Epoch));
        RunReturned returned = Assert.Single(cluster.Events.OfType<RunReturned>());
        Assert.Equal(new RunReturned(0, 0, 1), returned);
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void AWatcherThatMissedTheReturnIsToldOfIt()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3, checkpointEvery: 100));
        cluster.RunPast(3);
        cluster.Trainings[1].Corrupt();
        cluster.RunPast(7);
        int before = cluster.Events.Count;
        cluster.Watch(epochsSeen: 1, returnsSeen: 0);
        cluster.Run();
        Assert.Equal(
            [typeof(JobAccepted), typeof(RunReturned), typeof(EpochCompleted)],
            cluster.Events.Skip(before).Select(happened => happened.GetType()));
        cluster.Watch(epochsSeen: 1, returnsSeen: 1);
        cluster.LetGo();
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void TwoThatDisagreeEndTheRunWithExitCode4()
    {
        FakeCluster cluster = Cluster(2);
        cluster.Submit(FakeCluster.Job());
        cluster.RunPast(1);
        cluster.Trainings[1].Corrupt();
        cluster.LetGo();
        var failed = Assert.IsType<RunFailed>(cluster.Outcome);
        Assert.Equal(ExitCodes.NumericsDiverged, failed.ExitCode);
        Assert.StartsWith(
            "parameters differ after step 3: w0, w1 disagree with each other", failed.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ADifferenceThatOnlyTheResultShowsIsFoundToo()
    {
        FakeCluster cluster = Cluster(3);
        cluster.Submit(FakeCluster.Job(3));
        cluster.Trainings[2].ResultSuffix = "!";
        cluster.Run();
        ReturnedToCheckpoint returned = Assert.Single(
            cluster.Store.Decisions.OfType<ReturnedToCheckpoint>());
        Assert.Equal(10, returned.Step);
        Assert.DoesNotContain("w2", cluster.Generations.Last().Workers);
        AssertUndisturbed(cluster);
    }

    [Fact]
    public void ACoordinatorThatTakesOverInTheMiddleFinishesTheReturn()
    {
        FakeCluster cluster = Cluster(3, coordinators: 2);
        cluster.Submit(FakeCluster.Job(3));
        cluster.RunPast(5);
        cluster.Recorder.HangsOnReturn = true;
        cluster.Trainings[2].Corrupt();
        cluster.RunPast(6);
        Assert.True(cluster.Store.Job(FakeCluster.JobNumber).IsVoid);
        cluster.KillCoordinator(cluster.Leader);
        cluster.Recorder.HangsOnReturn = false;
        cluster.Run(20);
        cluster.Watch(0);
        cluster.LetGo();
        Assert.Equal([4], cluster.Recorder.Returns);
        Assert.Single(cluster.Store.Decisions.OfType<ReturnedToCheckpoint>());
        AssertUndisturbed(cluster);
    }

    /// <summary>
    /// It does not hear that its state is void before others have gone on without it.
    /// </summary>
    [Fact]
    public void AWorkerThatMissedTheReturnComesBackWithoutItsVoidState()
    {
        FakeCluster cluster = Cluster(4, coordinators: 1);
        cluster.Submit(FakeCluster.Job(4, steps: 40));
        cluster.RunPast(5);
        cluster.Trainings[2].Corrupt();
        cluster.RunPast(6);
        // Released with the others, but frozen before it heard.
        cluster.Freeze(cluster.Trainings[3]);
        cluster.RunPast(20);
        cluster.Run(30);
        cluster.RunPast(22);
        cluster.Thaw(cluster.Trainings[3]);
        cluster.Run(30);
        cluster.LetGo();
        var completed = Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal("820", completed.ParametersSha256);
        Assert.Equal(
            Enumerable.Range(1, 40).Select(step => (long)step), cluster.Recorder.Steps);
    }

    [Fact]
    public void ARankThatIsGoneHasNoVoteAndWhoIsLeftIsJudged()
    {
        var consensus = new ParameterConsensus();
        consensus.Begin(7);
        var point = new HashPoint(12, IsSaved: false);
        Assert.Null(consensus.Add(point, 0, Vote("w0", "a"), 4));
        Assert.Null(consensus.Add(point, 1, Vote("w1", "a"), 4));
        Assert.Null(consensus.JudgeIncomplete());
        Assert.Null(consensus.Add(point, 3, Vote("w3", "b"), 4));
        Assert.Equal(
            ["w3"],
            consensus.JudgeIncomplete()!.Minority.Select(worker => worker.Name));
        Assert.False(consensus.HasAgreed(7, point));
        consensus.Begin(8);
        Assert.Null(consensus.JudgeIncomplete());
    }

    /// <summary>A difference does not go away, so agreement speaks for what came before.</summary>
    [Fact]
    public void AgreementHoldsForEarlierStepsOfItsGenerationAndNoOther()
    {
        var consensus = new ParameterConsensus();
        consensus.Begin(3);
        var earlier = new HashPoint(8, IsSaved: true);
        Assert.Null(consensus.Add(earlier, 0, Vote("w0", "a"), 2));
        foreach (int rank in new[] { 0, 1 })
            Assert.Null(consensus.Add(new HashPoint(9, false), rank, Vote("w", "b"), 2));
        Assert.True(consensus.HasAgreed(3, earlier));
        Assert.False(consensus.HasAgreed(3, new HashPoint(9, IsSaved: true)));
        Assert.False(consensus.HasAgreed(2, earlier));
        consensus.Begin(4);
        Assert.True(consensus.HasAgreed(3, earlier));
        Assert.False(consensus.HasAgreed(4, earlier));
    }

    [Theory]
    [InlineData("a a b", "w2")]
    [InlineData("b a a a", "w0")]
    [InlineData("a b c a a", "w1 w2")]
    [InlineData("a b", "")]
    [InlineData("a a b b", "")]
    [InlineData("a b c", "")]
    [InlineData("a a b c", "")]
    public void OnlyAStrictMajorityEjects(string hashes, string minority)
    {
        ParameterVote[] votes =
        [
            .. hashes.Split(' ').Select((hash, rank) => Vote($"w{rank}", hash)),
        ];
        ParameterDivergence found = ParameterConsensus.Compare(5, votes)!;
        Assert.Equal(minority, string.Join(' ', found.Minority.Select(worker => worker.Name)));
        Assert.Contains("after step 5", found.Reason, StringComparison.Ordinal);
    }

    private static ParameterVote Vote(string name, string sha256) => new(
        new WorkerIdentity(name, 1, "host", 1, $"{name}:1", []), sha256);

    private static FakeCluster Cluster(int workers, int coordinators = 1)
    {
        var cluster = new FakeCluster(coordinators);
        for (int index = 0; index < workers; index++)
            cluster.AddWorker($"w{index}");
        cluster.Run(1);
        return cluster;
    }

    private static void AssertUndisturbed(FakeCluster cluster)
    {
        var completed = Assert.IsType<RunCompleted>(cluster.Outcome);
        Assert.Equal(ParametersSha256, completed.ParametersSha256);
        Assert.Equal(0, completed.StepsLost);
        Assert.Equal(Enumerable.Range(1, 10).Select(step => (long)step), cluster.Recorder.Steps);
        Assert.Equal([1, 2, 3], cluster.Recorder.Epochs.Select(epoch => epoch.Epoch));
        Assert.Distinct(cluster.Recorder.Times);
    }
}
