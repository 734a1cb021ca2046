using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Training.Tests.Step;

/// <summary>
/// The training loop over real gradients: the same parameters, bit for bit, on any number of ranks,
/// through partial batches and empty shards.
/// </summary>
public sealed class TrainingSessionTests
{
    private const int Steps = 9;

    private const string NormalizedModel = """
        model:
          layers:
          - conv: {filters: 6, kernel: 3, padding: same, bias: false}
          - batchNorm
          - relu
          - maxPool: 2
          - dropout: 0.3
          - residual:
              layers: [conv: {filters: 6, kernel: 3, padding: same}, batchNorm]
          - relu
          - flatten
          - linear: classes
        optimizer: {kind: sgd, learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4}
        augmentation: {cropPadding: 2, horizontalFlip: true}
        """;

    private const string PlainModel = """
        model:
          layers:
          - conv: {filters: 4, kernel: 3}
          - gelu
          - maxPool: 2
          - flatten
          - linear: 16
          - relu
          - linear: classes
        optimizer: {kind: adam, learningRate: 1e-3}
        """;

    public TrainingSessionTests() => TorchLibrary.Initialize(threadCount: 1);

    /// <summary>
    /// 27 samples in batches of 12: the last batch of 3 leaves one of 4 shards empty.
    /// </summary>
    [Theory]
    [InlineData(PlainModel)]
    [InlineData(NormalizedModel)]
    public void AnyNumberOfRanksTrainsTheSameBits(string model)
    {
        string alone = Assert.Single(TrainOn(1, model, seed: 1));
        foreach (int ranks in new[] { 2, 3, 4 })
            Assert.All(TrainOn(ranks, model, seed: 1), hash => Assert.Equal(alone, hash));
        Assert.NotEqual(alone, TrainOn(1, model, seed: 2)[0]);
    }

    [Fact]
    public void TheLossFallsOnDataThatCanBeLearnt()
    {
        using TrainingSession session = Session(PlainModel, 1);
        Alone(session);
        double first = session.Step(1, voteToStop: false).Loss;
        double last = first;
        for (int step = 2; step <= 120; step++)
            last = session.Step(step, voteToStop: false).Loss;
        Assert.True(last < first / 2, $"the loss went from {first} to {last}");
    }

    [Fact]
    public void AVoteOfOneRankReachesAllAfterTheSameStep()
    {
        int[] votes = OnRanks(3, PlainModel, 1, (session, rank) =>
        {
            session.Step(1, voteToStop: false);
            return session.Step(2, voteToStop: rank != 1).StopVotes;
        });
        Assert.Equal([2, 2, 2], votes);
    }

    [Fact]
    public void EvaluationAddsUpToTheTestSet()
    {
        using TrainingSession session = Session(PlainModel, 1);
        EvaluatedBatch batch = Assert.Single(session.Evaluate(0, 1));
        Assert.Equal(10, batch.Samples);
        Assert.InRange(batch.Correct, 0, 10);
    }

    [Fact]
    public void AStepAllocatesNothing()
    {
        using TrainingSession session = Session(NormalizedModel, 1);
        Alone(session);
        for (int step = 1; step <= 20; step++)
            session.Step(step, voteToStop: false);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 21; step <= 40; step++)
            session.Step(step, voteToStop: false);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void ALossThatIsNotANumberNamesStepAndShard()
    {
        using TrainingSession session = Session(
            PlainModel.Replace("learningRate: 1e-3", "learningRate: 1e30",
                StringComparison.Ordinal),
            1);
        Alone(session);
        var diverged = Assert.Throws<OperatingException>(() =>
        {
            for (int step = 1; step <= Steps; step++)
                session.Step(step, voteToStop: false);
        });
        Assert.Equal(ExitCodes.NumericsDiverged, diverged.ExitCode);
        Assert.Matches("the loss of logical shard 0 at step [23] is", diverged.Message);
    }

    private static string[] TrainOn(int ranks, string model, ulong seed) =>
        OnRanks(ranks, model, seed, (session, _) =>
        {
            for (int step = 1; step <= Steps; step++)
                session.Step(step, voteToStop: false);
            return session.State.ParametersSha256();
        });

    private static T[] OnRanks<T>(
        int ranks, string model, ulong seed, Func<TrainingSession, int, T> work)
    {
        var network = new InMemoryNetwork(ranks);
        ReductionPlan plan = ReductionPlan.Create(ShardMap.Even(4, ranks), ReductionOrder.Exact);
        var results = new T[ranks];
        var failures = new List<Exception>();
        Thread[] threads =
        [
            .. Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
            {
                try
                {
                    using TrainingSession session = Session(model, seed);
                    session.Join(new RankPlace(
                        plan, rank, session.State.Model, new CollectiveScope(1, 1),
                        ranks == 1 ? null : network.Connect(rank)));
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

    private static void Alone(TrainingSession session) => session.Join(new RankPlace(
        ReductionPlan.Create(ShardMap.Even(4, 1), ReductionOrder.Exact), 0, session.State.Model,
        new CollectiveScope(1, 1), transport: null));

    private static TrainingSession Session(string model, ulong seed)
    {
        DatasetPair data = Data();
        RunSpec spec = RunSpecReader.Read(
            $"globalBatch: 12\nlogicalShards: 4\nseed: {seed}\n" + model, "test.yaml");
        return new TrainingSession(
            spec, Network.Resolve(spec.Model, data.Shape, data.ClassCount), data);
    }

    /// <summary>Three classes, each a bright band in another place, with noise.</summary>
    private static DatasetPair Data() => new(
        Split(DatasetSplit.Train, 27), Split(DatasetSplit.Test, 10), [0.3], [0.3]);

    private static Dataset Split(DatasetSplit split, int count)
    {
        var shape = new ImageShape(1, 28, 28);
        var images = new byte[count * shape.Length];
        var labels = new int[count];
        for (int image = 0; image < count; image++)
        {
            labels[image] = image % 3;
            for (int pixel = 0; pixel < shape.Length; pixel++)
            {
                int at = (image * shape.Length) + pixel;
                ulong noise = CounterRandom.UInt64((ulong)(int)split, (ulong)at);
                bool band = pixel / 28 / 10 == labels[image];
                images[at] = (byte)((band ? 150UL : 0UL) + (noise % 100));
            }
        }

        return Dataset.FromMemory("bands", split, shape, ["a", "b", "c"], images, labels);
    }
}
