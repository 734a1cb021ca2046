using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Step;

namespace Distributed.Training.Tests.Step;

/// <summary>
/// The training loop over real gradients: the same parameters, bit for bit, on any number of ranks,
/// through partial batches and empty shards.
/// </summary>
public abstract class TrainingSessionTests
{
    private const int Steps = 9;

    private readonly TrainerKind _trainer;

    protected TrainingSessionTests(TrainerKind trainer)
    {
        TorchLibrary.Initialize(threadCount: 1);
        _trainer = trainer;
    }

    /// <summary>
    /// 27 samples in batches of 12: the last batch of 3 leaves one of 4 shards empty.
    /// </summary>
    [Theory]
    [InlineData(TestSessions.PlainModel)]
    [InlineData(TestSessions.NormalizedModel)]
    [InlineData(TestSessions.PlannedModel)]
    [InlineData(TestSessions.WhitenedModel)]
    [InlineData(TestSessions.MuonModel)]
    public void AnyNumberOfRanksTrainsTheSameBits(string model)
    {
        string alone = Assert.Single(TrainOn(1, model, seed: 1));
        foreach (int ranks in new[] { 2, 3, 4 })
            Assert.All(TrainOn(ranks, model, seed: 1), hash => Assert.Equal(alone, hash));
        Assert.NotEqual(alone, TrainOn(1, model, seed: 2)[0]);
    }

    /// <summary>Past the steps in which buckets are measured and grouped.</summary>
    [Fact]
    public void GroupedBucketsTrainTheSameBits()
    {
        const int steps = AdaptiveAllReduce.WarmUpSteps + AdaptiveAllReduce.MeasuredSteps + 8;
        string alone = Assert.Single(Train(1));
        foreach (int ranks in new[] { 2, 3, 4 })
            Assert.All(Train(ranks), hash => Assert.Equal(alone, hash));

        string[] Train(int ranks) => OnRanks(ranks, TestSessions.WideModel, 1, (session, _) =>
        {
            for (int step = 1; step <= steps; step++)
                session.Step(step);
            return session.State.ParametersSha256();
        });
    }

    [Fact]
    public void TheLossFallsOnDataThatCanBeLearnt()
    {
        using TrainingSession session = Alone(TestSessions.PlainModel);
        double first = session.Step(1).Loss;
        double last = first;
        for (int step = 2; step <= 120; step++)
            last = session.Step(step).Loss;
        Assert.True(last < first / 2, $"the loss went from {first} to {last}");
    }

    /// <summary>
    /// Rounded to bfloat16 on the way, gradients still train: all ranks to the same bits, and the
    /// loss to about where it comes without. What travels with them is not rounded.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void CompressedGradientsTrainLikeOthers(int ranks)
    {
        (double Loss, int Correct, int Votes, string Hash)[] plain = TrainFast("none");
        (double Loss, int Correct, int Votes, string Hash)[] compressed = TrainFast("bf16");
        Assert.Single(compressed.Distinct());
        Assert.NotEqual(plain[0].Hash, compressed[0].Hash);
        Assert.Equal(ranks, compressed[0].Votes);
        Assert.Equal(plain[0].Loss, compressed[0].Loss, 0.05 * plain[0].Loss);

        (double Loss, int Correct, int Votes, string Hash)[] TrainFast(string compression) =>
            OnRanks(
                ranks, $"reduction: fast\ncompression: {compression}\n" + TestSessions.PlainModel,
                1, (session, _) =>
                {
                    double first = session.Step(1).Loss;
                    for (int step = 2; step < 60; step++)
                        session.Step(step);
                    StepResult last = session.Step(60, voteToStop: true);
                    Assert.True(last.Loss < first / 2, $"the loss: {first} to {last.Loss}");
                    return (last.Loss, last.Correct, last.StopVotes,
                        session.State.ParametersSha256());
                }, order: ReductionOrder.Fast);
    }

    [Fact]
    public void VotesOfSomeRanksReachAllAfterTheSameStep()
    {
        StepResult[] results = OnRanks(3, TestSessions.PlainModel, 1, (session, rank) =>
        {
            session.Step(1, voteToStop: true, voteToYield: true);
            return session.Step(2, voteToStop: rank != 1, voteToYield: rank == 0);
        });
        Assert.All(results, result => Assert.Equal(2, result.StopVotes));
        Assert.All(results, result => Assert.Equal(1, result.YieldVotes));
    }

    [Fact]
    public void EvaluationAddsUpToTheTestSet()
    {
        using TrainingSession session = Alone(TestSessions.PlainModel);
        EvaluatedBatch batch = Assert.Single(session.Evaluate());
        Assert.Equal(10, batch.Samples);
        Assert.InRange(batch.Correct, 0, 10);
    }

    /// <summary>
    /// 1,050 test samples are 6 batches, the last of them partial: shares of every size, none
    /// among them.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void EveryRankHasTheWholeEvaluationOfOneThatIsAlone(int ranks)
    {
        const int testSamples = 1_050;
        EvaluatedBatch[] alone = Assert.Single(OnRanks(
            1, TestSessions.NormalizedModel, 1, (session, _) => StepAndEvaluate(session),
            testSamples));
        Assert.Equal([0, 1, 2, 3, 4, 5], alone.Select(batch => batch.Batch));
        Assert.Equal(testSamples, alone.Sum(batch => batch.Samples));
        Assert.All(
            OnRanks(
                ranks, TestSessions.NormalizedModel, 1,
                (session, _) => StepAndEvaluate(session), testSamples),
            results => Assert.Equal(alone, results));
    }

    [Fact]
    public void RanksThatHaveNoTestBatchStillHaveThemAll()
    {
        EvaluatedBatch[][] results = OnRanks(
            4, TestSessions.PlainModel, 1, (session, _) => StepAndEvaluate(session));
        Assert.All(results, result => Assert.Equal(10, Assert.Single(result).Samples));
        results = OnRanks(
            2, TestSessions.PlainModel, 1, (session, _) => StepAndEvaluate(session),
            testSamples: 0);
        Assert.All(results, Assert.Empty);
    }

    [Theory]
    [InlineData(TestSessions.NormalizedModel)]
    [InlineData(TestSessions.PlannedModel)]
    [InlineData(TestSessions.WhitenedModel)]
    [InlineData(TestSessions.MuonModel)]
    public void AStepAllocatesNothing(string model)
    {
        using TrainingSession session = Alone(model);
        for (int step = 1; step <= 20; step++)
            session.Step(step);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 21; step <= 40; step++)
            session.Step(step);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void ALossThatIsNotANumberNamesStepAndShard()
    {
        using TrainingSession session = Alone(TestSessions.PlainModel.Replace(
            "learningRate: 1e-3", "learningRate: 1e30", StringComparison.Ordinal));
        var diverged = Assert.Throws<OperatingException>(() =>
        {
            for (int step = 1; step <= Steps; step++)
                session.Step(step);
        });
        Assert.Equal(ExitCodes.NumericsDiverged, diverged.ExitCode);
        Assert.Matches("the loss of logical shard 0 at step [23] is", diverged.Message);
    }

    private static EvaluatedBatch[] StepAndEvaluate(TrainingSession session)
    {
        session.Step(1);
        EvaluatedBatch[] results = session.Evaluate();
        // The frames of the next step must not be mistaken for those of the evaluation.
        session.Step(2);
        return results;
    }

    private string[] TrainOn(int ranks, string model, ulong seed) =>
        OnRanks(ranks, model, seed, (session, _) =>
        {
            for (int step = 1; step <= Steps; step++)
                session.Step(step);
            return session.State.ParametersSha256();
        });

    private T[] OnRanks<T>(
        int ranks, string model, ulong seed, Func<TrainingSession, int, T> work,
        int testSamples = 10, ReductionOrder order = ReductionOrder.Exact)
    {
        var network = new InMemoryNetwork(ranks);
        ReductionPlan plan = ReductionPlan.Create(ShardMap.Even(4, ranks), order);
        var results = new T[ranks];
        var failures = new List<Exception>();
        Thread[] threads =
        [
            .. Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
            {
                try
                {
                    using TrainingSession session = TestSessions.Create(
                        model, seed, testSamples, _trainer);
                    session.Join(
                        plan, rank, new CollectiveScope(1, 1),
                        ranks == 1 ? null : network.Connect(rank));
                    results[rank] = work(session, rank);
                }
                catch (Exception failure)
                {
                    lock (failures)
                        failures.Add(failure);
                    network.CancelAll();
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
        return results;
    }

    private TrainingSession Alone(string model) => TestSessions.Alone(model, _trainer);
}

/// <summary>With the state in the host's memory.</summary>
public sealed class HostTrainingSessionTests() : TrainingSessionTests(TrainerKind.Host);

/// <summary>With the state on a device, which the CPU is here.</summary>
public sealed class DeviceTrainingSessionTests() : TrainingSessionTests(TrainerKind.Device);
