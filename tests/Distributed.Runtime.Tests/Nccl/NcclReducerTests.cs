using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.Devices;
using Distributed.Runtime.Nccl;
using Distributed.Runtime.Tests.DataPlane;
using Distributed.Runtime.Tests.SharedMemory;
using Distributed.Torch;

namespace Distributed.Runtime.Tests.Nccl;

/// <summary>
/// Goal: sums over NCCL have the bits of sums of frames, and whatever ends a generation ends them
/// too, on every rank. Method: the engine's own code over a library that does on the processor what
/// NCCL does between GPUs, with ranks that are threads.
/// </summary>
[Collection(NcclCollection.Name)]
public sealed class NcclReducerTests(FakeNccl nccl)
{
    private const int Length = 1_001;

    /// <summary>Even and uneven maps: ranks that hold one subtree, and ranks that hold
    /// several.</summary>
    public static TheoryData<int[]> Maps() =>
    [
        [0, 4, 8],
        [0, 3, 8],
        [0, 1, 2],
        [0, 5, 6, 8],
        [0, 1, 7, 8],
        [0, 2, 4, 6, 8],
        [0, 3, 6, 11, 16],
        [0, 1, 2, 3, 16],
    ];

    [Theory]
    [MemberData(nameof(Maps))]
    public async Task ExactSumsHaveTheBitsOfFrames(int[] bounds)
    {
        ReductionPlan plan = PlanOf(bounds, ReductionOrder.Exact);
        int shards = plan.Map.ShardCount;
        foreach (int length in new[] { 1, 17, 33, 20_011 })
        {
            float[][] gradients = ResidentSumsTests.Gradients(shards, length);
            List<int[]> expected = await ResidentSumsTests.OfFramesAsync(plan, gradients);
            await using NcclRanks ranks = await NcclRanks.OpenAsync(plan);
            await ranks.OnAllAsync(rank => Assert.Equal(
                expected,
                ResidentSumsTests.Run(
                    plan, rank, gradients, ranks.NodesOf(rank, length), ranks.Reducers[rank]!)));
        }
    }

    /// <summary>In any order, which is the same on all ranks.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task FastSumsAreSumsAndTheSameOnAllRanks(int rankCount)
    {
        ReductionPlan plan = ResidentRanks.Plain(rankCount);
        await using NcclRanks ranks = await NcclRanks.OpenAsync(plan);
        var sums = new float[rankCount][];
        await ranks.OnAllAsync(rank =>
        {
            Memory<byte> node = ranks.NodesOf(rank, Length)[0];
            Span<float> values = ResidentRanks.Floats(node);
            for (int index = 0; index < Length; index++)
                values[index] = Value(rank, index);
            ranks.Reducers[rank]!.Reduce(step: 1, bucket: 0, 0, Length);
            ranks.Reducers[rank]!.EndStep();
            sums[rank] = values.ToArray();
        });
        for (int index = 0; index < Length; index++)
        {
            double expected = 0;
            for (int rank = 0; rank < rankCount; rank++)
                expected += Value(rank, index);
            Assert.Equal(expected, sums[0][index], tolerance: 1e-5);
        }

        Assert.All(sums, sum => Assert.Equal(sums[0], sum));
    }

    [Fact]
    public async Task AHaltWakesARankThatWaitsForAnother()
    {
        await using NcclRanks ranks = await NcclRanks.OpenAsync(ResidentRanks.Plain(2));
        ranks.NodesOf(0, Length);
        Task waiting = TransportCluster.OnThread(
            () => ranks.Reducers[0]!.Reduce(step: 1, bucket: 0, 0, Length));
        Assert.False(waiting.IsCompleted);
        ranks.Transports[0].Cancel("the generation is over");
        var cancelled = await Assert.ThrowsAsync<CollectiveCancelledException>(() => waiting);
        Assert.Equal("the generation is over", cancelled.Reason);
    }

    [Theory]
    [InlineData(ReductionOrder.Exact)]
    [InlineData(ReductionOrder.Fast)]
    public async Task ARankThatLeavesWakesThoseThatWaitForIt(ReductionOrder order)
    {
        ReductionPlan plan = ReductionPlan.Create(ShardMap.Even(8, 3), order);
        await using NcclRanks ranks = await NcclRanks.OpenAsync(plan);
        Task Wait(int rank) => TransportCluster.OnThread(() =>
        {
            ranks.NodesOf(rank, Length);
            ranks.Reducers[rank]!.Reduce(step: 1, bucket: 0, 0, Length);
        });
        Task[] waiting = [Wait(0), Wait(2)];
        ranks.Transports[1].Cancel("its device is lost");
        foreach (Task rank in waiting)
        {
            var lost = await Assert.ThrowsAsync<PeerLostException>(() => rank);
            Assert.Equal(1, lost.Peer);
        }
    }

    [Fact]
    public async Task ANewGenerationSumsAgainAfterAnAbort()
    {
        ReductionPlan plan = PlanOf([0, 3, 8], ReductionOrder.Exact);
        float[][] gradients = ResidentSumsTests.Gradients(8, Length);
        List<int[]> expected = await ResidentSumsTests.OfFramesAsync(plan, gradients);
        await using NcclRanks ranks = await NcclRanks.OpenAsync(plan);
        ranks.Transports[1].Cancel("the generation is over");
        await ranks.RegroupAsync(generation: 1);
        await ranks.ExchangeAsync(NcclRanks.Gpu, isAskedFor: false);
        await ranks.OnAllAsync(rank => Assert.Equal(
            expected,
            ResidentSumsTests.Run(
                plan, rank, gradients, ranks.NodesOf(rank, Length), ranks.Reducers[rank]!)));
    }

    [Fact]
    public async Task NothingIsLeftOfAGroupThatWasDisposedOf()
    {
        long handles = TorchLibrary.LiveHandles;
        await using (NcclRanks ranks = await NcclRanks.OpenAsync(ResidentRanks.Plain(3)))
        {
            Assert.Equal(3, nccl.Communicators);
            Assert.Equal(handles + 3, TorchLibrary.LiveHandles);
            Assert.Contains(
                "gradients are summed over NCCL: each of the 3 ranks has a GPU of its own on one "
                + $"host, and NCCL {FakeNccl.Version}", ranks.Decided);
        }

        Assert.Equal(0, nccl.Communicators);
        Assert.Equal(handles, TorchLibrary.LiveHandles);
    }

    [Fact]
    public async Task WhatNcclReportsIsTold()
    {
        await using NcclRanks ranks = await NcclRanks.OpenAsync(ResidentRanks.Plain(2));
        ranks.NodesOf(0, Length);
        try
        {
            nccl.Fail();
            var failure = Assert.Throws<DeviceException>(
                () => ranks.Reducers[0]!.Reduce(step: 1, bucket: 0, 0, Length));
            Assert.Contains(
                "internal error (3): the fake was told to fail", failure.Message,
                StringComparison.Ordinal);
        }
        finally
        {
            nccl.Fail(false);
        }
    }

    [Fact]
    public async Task RanksOfOneGpuGoOnWithoutItUnlessItWasAskedFor()
    {
        await using var ranks = new NcclRanks(ResidentRanks.Plain(2));
        await ranks.ExchangeAsync(_ => NcclRanks.Gpu(0), isAskedFor: false);
        Assert.All(ranks.Reducers, Assert.Null);
        Assert.All(ranks.Decided, text => Assert.StartsWith(
            "gradients are summed in shared memory: ranks 0 and 1 share GPU-0", text,
            StringComparison.Ordinal));
        await ranks.RegroupAsync(generation: 1);
        var refused = await Assert.ThrowsAsync<OperatingException>(
            () => ranks.ExchangeAsync(_ => NcclRanks.Gpu(0), isAskedFor: true));
        Assert.StartsWith(
            "transport nccl was asked for, but ranks 0 and 1 share GPU-0", refused.Message,
            StringComparison.Ordinal);
    }

    /// <summary>Without a GPU anywhere there is nothing to tell of.</summary>
    [Fact]
    public async Task RanksWithoutGpusGoOnInSilence()
    {
        await using var ranks = new NcclRanks(ResidentRanks.Plain(2));
        await ranks.ExchangeAsync(
            _ => new NcclOffer("", "", "it computes on cpu"), isAskedFor: false);
        Assert.All(ranks.Reducers, Assert.Null);
        Assert.Empty(ranks.Decided);
    }

    [Fact]
    public async Task RanksThatCannotConnectGoOnWithoutIt()
    {
        await using var ranks = new NcclRanks(ResidentRanks.Plain(2));
        try
        {
            nccl.Fail();
            await ranks.ExchangeAsync(NcclRanks.Gpu, isAskedFor: false);
        }
        finally
        {
            nccl.Fail(false);
        }

        Assert.All(ranks.Reducers, Assert.Null);
        Assert.All(ranks.Decided, text => Assert.Contains(
            "rank 0 cannot connect over NCCL: NCCL: internal error", text,
            StringComparison.Ordinal));
        Assert.Equal(0, nccl.Communicators);
    }

    [Fact]
    public void RanksWithIdsThatDifferDoNotWaitForever()
    {
        using NcclGroup one = NcclGroup.Create(NcclLibrary.DrawId(), rank: 0, count: 2);
        using NcclGroup other = NcclGroup.Create(NcclLibrary.DrawId(), rank: 1, count: 2);
        foreach (NcclGroup group in new[] { one, other })
        {
            var failure = Assert.Throws<TorchException>(
                () => group.Connect(TimeSpan.FromMilliseconds(50)));
            Assert.Equal(TorchErrorCode.NcclError, failure.Code);
            Assert.Contains(
                "expected each of them to come with the same identifier", failure.Message,
                StringComparison.Ordinal);
        }
    }

    /// <summary>Its first connection may take long, and a halt does not wait for it.</summary>
    [Fact]
    public async Task AnAbortWakesARankThatConnects()
    {
        using NcclGroup group = NcclGroup.Create(NcclLibrary.DrawId(), rank: 0, count: 2);
        Task connecting = TransportCluster.OnThread(() => group.Connect(TimeSpan.FromHours(1)));
        group.Abort();
        var aborted = await Assert.ThrowsAsync<TorchException>(() => connecting);
        Assert.Equal(TorchErrorCode.Aborted, aborted.Code);
    }

    [Fact]
    public void AMissingOrOldLibraryIsNamed()
    {
        Assert.StartsWith(nccl.AbsentFile, nccl.ReasonWhenAbsent, StringComparison.Ordinal);
        Assert.Contains(
            "is NCCL 2.10.3: expected 2.14.0 or newer", nccl.ReasonWhenOld,
            StringComparison.Ordinal);
        Assert.Equal(FakeNccl.Version, nccl.Library.Version);
    }

    private static float Value(int rank, int index) => (rank + 1) * 0.1f + index * 1e-4f;

    private static ReductionPlan PlanOf(int[] bounds, ReductionOrder order) =>
        ReductionPlan.Create(
            new ShardMap(
                bounds[^1],
                [.. bounds.Zip(bounds.Skip(1), (first, end) => new ShardRange(first, end))]),
            order);
}
