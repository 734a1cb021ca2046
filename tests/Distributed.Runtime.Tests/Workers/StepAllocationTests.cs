using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Tests.DataPlane;
using Distributed.Runtime.Tests.SharedMemory;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>Alone, because what is counted is the whole process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcessCollection
{
    public const string Name = "whole process";
}

/// <summary>
/// Goal: steps of real sessions over real transports allocate nothing, on whatever thread: those
/// that step, those that reduce, and those of the transport.
/// </summary>
[Collection(WholeProcessCollection.Name)]
public sealed class StepAllocationTests : IDisposable
{
    private const int Ranks = 2;
    private const int WarmUpSteps = 60;
    private const int Windows = 150;

    private readonly string _folder = Directory.CreateTempSubdirectory("allocation-").FullName;
    private readonly RunSpec _spec;
    private readonly DatasetPair _data;
    private int _arrivals;

    public StepAllocationTests()
    {
        TorchLibrary.Initialize(threadCount: 1);
        string images = Path.Combine(_folder, "images");
        TestImages.Write(images);
        // Augmentation, batch norm and dropout: all that a step does.
        _spec = RunSpecReader.Read(
            $$"""
            dataset: {name: {{images}}}
            globalBatch: 40
            logicalShards: 4
            augmentation: {cropPadding: 2, horizontalFlip: true}
            model:
              layers:
                - conv: {filters: 8, kernel: 3}
                - batchNorm
                - relu
                - maxPool: 2
                - flatten
                - dropout: 0.3
                - linear: 256
                - relu
                - linear: classes
            """,
            "test", []);
        _data = SpecifiedDataset.Open(_spec.Dataset);
    }

    [Theory]
    [InlineData(TrainerKind.Host)]
    [InlineData(TrainerKind.Device)]
    public async Task StepsInSharedMemoryAllocateNothing(TrainerKind trainer)
    {
        ReductionPlan plan = Plan();
        using TrainingSession measured = NewSession(trainer);
        await using ResidentRanks ranks = await ResidentRanks.OpenAsync(
            plan, measured.State.Model.GradientLength,
            new SharedMemoryRanks(Ranks, ringBytes: 1 << 16));
        Assert.Equal(0, await FewestBytesAsync(
            plan, rank => (ranks.Transports[rank], ranks.Buffers[rank]), trainer));
    }

    [Fact]
    public async Task StepsThroughRingsAllocateNothing()
    {
        await using var ranks = new SharedMemoryRanks(Ranks, ringBytes: 1 << 16);
        ITransport[] transports = ranks.OpenAll();
        Assert.Equal(0, await FewestBytesAsync(Plan(), rank => (transports[rank], null)));
    }

    [Fact]
    public async Task StepsOverGrpcAllocateNothing()
    {
        await using TransportCluster cluster = await TransportCluster.StartAsync(Ranks);
        ITransport[] transports = cluster.OpenAll();
        Assert.Equal(0, await FewestBytesAsync(Plan(), rank => (transports[rank], null)));
    }

    public void Dispose()
    {
        _data.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Allocates nothing either, unlike a Barrier that waits for long.</summary>
    private void Meet(ref int meetings)
    {
        meetings++;
        Interlocked.Increment(ref _arrivals);
        while (Volatile.Read(ref _arrivals) < Ranks * meetings)
            Thread.Yield();
    }

    private static ReductionPlan Plan() =>
        ReductionPlan.Create(ShardMap.Even(4, Ranks), ReductionOrder.Exact);

    private TrainingSession NewSession(TrainerKind trainer) => new(
        _spec, Network.Resolve(_spec.Model, _data.Shape, _data.ClassCount), _data, trainer);

    /// <summary>
    /// Of many steps, each between meetings of the ranks: what the run-time, and other tests that
    /// have ended, allocate from time to time is not in all of them.
    /// </summary>
    private async Task<long> FewestBytesAsync(
        ReductionPlan plan, Func<int, (ITransport, IResidentBuffers?)> place,
        TrainerKind trainer = TrainerKind.Host)
    {
        long fewest = long.MaxValue;
        await Task.WhenAll(Enumerable.Range(0, Ranks).Select(rank =>
            TransportCluster.OnThread(() => Train(rank))));
        return fewest;

        void Train(int rank)
        {
            using TrainingSession session = NewSession(trainer);
            (ITransport transport, IResidentBuffers? resident) = place(rank);
            session.Join(plan, rank, new CollectiveScope(1, 1), transport, resident);
            int step = 0, meetings = 0;
            while (step < WarmUpSteps)
                session.Step(++step);
            for (int window = 0; window < Windows; window++)
            {
                Meet(ref meetings);
                long before = GC.GetTotalAllocatedBytes(precise: true);
                Meet(ref meetings);
                session.Step(++step);
                Meet(ref meetings);
                if (rank == 0)
                    fewest = Math.Min(fewest, GC.GetTotalAllocatedBytes(precise: true) - before);
            }
        }
    }
}
