using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: whoever is gone, all ranks of all hosts learn who it was and wait no longer, wherever they
/// wait; and where a host cannot share memory, all ranks know. Method: two hosts of two ranks, and
/// each rank in turn is the one that does not come.
/// </summary>
public sealed class HierarchicalBuffersTests(ITestOutputHelper output)
{
    private const int Elements = 5_000;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);

    /// <summary>Each rank, missing at the first bucket, at a later one or at the end.</summary>
    public static TheoryData<int, int> RanksAndBuckets()
    {
        var data = new TheoryData<int, int>();
        for (var rank = 0; rank < 4; rank++)
            for (var buckets = 0; buckets <= 2; buckets++)
                data.Add(rank, buckets);
        return data;
    }

    [Fact]
    public async Task AStepAllocatesNothing()
    {
        const int Length = 300_000;
        await using var ranks = await HierarchicalRanks.OpenAsync(Length, 2, 1, 2);
        var allocated = new long[ranks.Size];
        await ranks.OnAllAsync(rank =>
        {
            for (var step = 1; step <= 60; step++)
            {
                if (step == 20) allocated[rank] = GC.GetAllocatedBytesForCurrentThread();
                ranks.Buffers[rank]!.Reduce(step, 0, Length / 2, Length - Length / 2);
                ranks.Buffers[rank]!.Reduce(step, 1, 0, Length / 2);
                ranks.Buffers[rank]!.EndStep();
            }

            allocated[rank] = GC.GetAllocatedBytesForCurrentThread() - allocated[rank];
        });
        Assert.All(allocated, bytes => Assert.Equal(0, bytes));
    }

    [Fact]
    public async Task NoFileIsLeftOnceAllHaveMappedIt()
    {
        await using var ranks = await HierarchicalRanks.OpenAsync(Elements, 3, 1);
        Assert.All(ranks.Buffers, Assert.NotNull);
        Assert.Empty(Directory.GetFiles(ranks.DirectoryOf(0)));
        Assert.Empty(Directory.GetFiles(ranks.DirectoryOf(3)));
    }

    [Theory]
    [MemberData(nameof(RanksAndBuckets))]
    public async Task ARankThatLeavesIsNamedByAllOthers(int leaver, int buckets)
    {
        await using var ranks = await HierarchicalRanks.OpenAsync(Elements, 2, 2);
        var lost = await WaitInVainAsync(
            ranks, leaver, buckets, () => ranks.Transports[leaver].Cancel("its device is gone"));
        Assert.All(lost, failure =>
            Assert.Contains("its device is gone", failure.Reason, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(RanksAndBuckets))]
    public async Task ARankThatDiesIsNamedByAllOthers(int victim, int buckets)
    {
        await using var ranks = await HierarchicalRanks.OpenAsync(Elements, 2, 2);
        // As its process would, its server leaves all streams broken.
        await WaitInVainAsync(
            ranks, victim, buckets, () => ranks.Servers[victim].DisposeAsync().AsTask());
    }

    /// <summary>A rank that is cancelled while it waits itself, in whatever place.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 2)]
    [InlineData(1, 0)]
    [InlineData(1, 3)]
    [InlineData(3, 0)]
    [InlineData(2, 1)]
    public async Task ACancelEndsTheWaitOfItsRank(int waiter, int missing)
    {
        await using var ranks = await HierarchicalRanks.OpenAsync(Elements, 2, 2);
        var others = Enumerable.Range(0, 4).Where(rank => rank != missing && rank != waiter)
            .Select(rank => FailsAsync<PeerLostException>(() => Reduce(ranks, rank, 1))).ToArray();
        var waiting = FailsAsync<CollectiveCancelledException>(() => Reduce(ranks, waiter, 1));
        await Task.Delay(100);
        Assert.False(waiting.IsCompleted);
        ranks.Transports[waiter].Cancel("the detector says so");
        var cancelled = await waiting.WaitAsync(Bound);
        Assert.Equal("the detector says so", cancelled.Reason);
        foreach (var failure in await Task.WhenAll(others).WaitAsync(Bound))
            Assert.Equal(waiter, failure.Peer);
    }

    [Fact]
    public async Task ARankOutOfStepIsRefusedByItsRankInTheGeneration()
    {
        await using var ranks = await HierarchicalRanks.OpenAsync(Elements, 2, 2);
        var refused = new FrameRefusedException[4];
        await Task.WhenAll(new[] { 2, 3 }.Select(rank => OnThread(() =>
            refused[rank] = Assert.Throws<FrameRefusedException>(
                () => ranks.Buffers[rank]!.Reduce(rank, 0, 0, Elements)))));
        Assert.Equal((3, 2), (refused[2].FromRank, refused[2].ToRank));
        Assert.Equal((2, 3), (refused[3].FromRank, refused[3].ToRank));
        Assert.Equal("step", refused[2].Field);
    }

    /// <summary>Something has the name of the file that a rank is to make.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task AHostWithoutRoomTakesPartRankByRank(int rank)
    {
        await using var ranks = await HierarchicalRanks.StartAsync(2, 1, 2);
        TakeName(ranks, rank);
        await ranks.OpenAsync(ResidentRanks.Plain(5), Elements);
        var warning = Assert.Single(ranks.Warnings);
        output.WriteLine(warning);
        Assert.Contains(ranks.DirectoryOf(rank), warning, StringComparison.Ordinal);
        Assert.Contains($"rank {rank} ", warning, StringComparison.Ordinal);
        await ranks.OnAllAsync(other => Reduce(ranks, other, 2, end: true));
        Assert.All(ranks.Buffers, buffers =>
            Assert.Equal(-1, ResidentRanks.Floats(buffers!.Output).IndexOfAnyExcept(15f)));
    }

    [Fact]
    public async Task WhereNoHostHasRoomThereAreNoBuffers()
    {
        await using var ranks = await HierarchicalRanks.StartAsync(2, 1, 2);
        TakeName(ranks, 0);
        TakeName(ranks, 4);
        await ranks.OpenAsync(ResidentRanks.Plain(5), Elements);
        Assert.All(ranks.Buffers, Assert.Null);
        Assert.Equal(2, ranks.Warnings.Length);
    }

    private static void TakeName(HierarchicalRanks ranks, int rank) => File.WriteAllText(
        new SegmentName(
            ProcessIdentity.Current!.Value, TransportCluster.Job, 0, rank, ToRank: null)
            .PathIn(ranks.DirectoryOf(rank)),
        "");

    /// <summary>
    /// All do a step of two buckets, but one rank reduces only so many of them and then goes.
    /// Returns what the others failed with. Those of the other host may end a step without it once
    /// it has reduced all.
    /// </summary>
    private static async Task<PeerLostException[]> WaitInVainAsync(
        HierarchicalRanks ranks, int missing, int buckets, Func<Task> go)
    {
        var failures = new Exception?[ranks.Size];
        var others = Task.WhenAll(Enumerable.Range(0, ranks.Size).Select(rank => OnThread(
            () => failures[rank] = rank == missing
                ? null
                : Record.Exception(() => Reduce(ranks, rank, 2, end: true)))));
        await OnThread(() => Reduce(ranks, missing, buckets)).WaitAsync(Bound);
        await Task.Delay(100);
        Assert.False(others.IsCompleted);
        await go();
        await others.WaitAsync(Bound);
        var host = ranks.Hosts.First(host => missing < host.End);
        for (var rank = 0; rank < ranks.Size; rank++)
        {
            var isOfItsHost = rank >= host.First && rank < host.End;
            if (rank == missing || (failures[rank] is null && buckets == 2 && !isOfItsHost))
                continue;
            var lost = Assert.IsType<PeerLostException>(failures[rank]);
            Assert.Equal((rank, missing), (lost.Rank, lost.Peer));
        }

        return [.. failures.OfType<PeerLostException>()];
    }

    private static Task<PeerLostException[]> WaitInVainAsync(
        HierarchicalRanks ranks, int missing, int buckets, Action go) =>
        WaitInVainAsync(ranks, missing, buckets, () =>
        {
            go();
            return Task.CompletedTask;
        });

    /// <summary>The first buckets of a step, of ones, twos and so on by rank.</summary>
    private static void Reduce(
        HierarchicalRanks ranks, int rank, int buckets, bool end = false)
    {
        var reducer = ranks.Buffers[rank]!;
        ResidentRanks.Floats(reducer.Output).Fill(rank + 1);
        if (buckets > 0) reducer.Reduce(1, 0, Elements / 2, Elements - Elements / 2);
        if (buckets > 1) reducer.Reduce(1, 1, 0, Elements / 2);
        if (end) reducer.EndStep();
    }

    private static async Task<T> FailsAsync<T>(Action body) where T : Exception
    {
        T? thrown = null;
        await OnThread(() => thrown = Assert.Throws<T>(body));
        return thrown!;
    }

    private static Task OnThread(Action body) => TransportCluster.OnThread(body);
}
