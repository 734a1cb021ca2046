using System.Diagnostics;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: what only memory that all ranks have mapped can get wrong is right: who may be waited for,
/// whose segment it is, files that stay, and folders that are full.
/// </summary>
public sealed class ResidentBuffersTests(ITestOutputHelper output)
{
    private const int Elements = 5_000;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task AStepAllocatesNothing()
    {
        await using var ranks = await ResidentRanks.OpenAsync(2, Elements);
        var allocated = new long[2];
        await ranks.OnAllAsync(rank =>
        {
            for (var step = 1; step <= 1100; step++)
            {
                if (step == 100) allocated[rank] = GC.GetAllocatedBytesForCurrentThread();
                ranks.Buffers[rank]!.Reduce(step, 0, 0, Elements);
                ranks.Buffers[rank]!.EndStep();
            }

            allocated[rank] = GC.GetAllocatedBytesForCurrentThread() - allocated[rank];
        });
        Assert.Equal([0, 0], allocated);
    }

    [Fact]
    public async Task NoFileIsLeftOnceAllHaveMappedIt()
    {
        await using var ranks = await ResidentRanks.OpenAsync(4, Elements);
        Assert.All(ranks.Buffers, Assert.NotNull);
        Assert.DoesNotContain(ranks.Files, path => path.EndsWith("-all", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(7, 0, 0, Elements, "step")]
    [InlineData(6, 1, 0, Elements, "bucket")]
    [InlineData(6, 0, 16, Elements, "offset")]
    [InlineData(6, 0, 0, Elements - 1, "length")]
    public async Task ARankOutOfStepIsRefusedWithTheFieldNamed(
        long step, int bucket, long offset, long length, string field)
    {
        await using var ranks = await ResidentRanks.OpenAsync(2, 2 * Elements);
        var refusals = new FrameRefusedException[2];
        await ranks.OnAllAsync(rank => refusals[rank] = Assert.Throws<FrameRefusedException>(() =>
        {
            if (rank == 0) ranks.Buffers[rank]!.Reduce(6, 0, 0, Elements);
            else ranks.Buffers[rank]!.Reduce(step, bucket, offset, length);
        }));
        Assert.All(refusals, refusal => Assert.Equal(field, refusal.Field));
        Assert.Equal([1, 0], refusals.Select(refusal => refusal.FromRank));
    }

    [Fact]
    public async Task ACancelWakesAllRanks()
    {
        await using var ranks = await ResidentRanks.OpenAsync(3, Elements);
        var waiting = Task.WhenAll(
            WaitsInVainAsync<CollectiveCancelledException>(ranks, 0),
            WaitsInVainAsync<PeerLostException>(ranks, 1));
        await Task.Delay(100);
        Assert.False(waiting.IsCompleted);
        ranks.Transports[0].Cancel("the detector says so");
        await waiting.WaitAsync(Bound);
    }

    [Fact]
    public async Task ARankThatLeavesIsNamedWithItsReason()
    {
        await using var ranks = await ResidentRanks.OpenAsync(2, Elements);
        var waiting = WaitsInVainAsync<PeerLostException>(ranks, 0);
        ranks.Transports[1].Cancel("its device is gone");
        var lost = await waiting.WaitAsync(Bound);
        Assert.Equal((0, 1), (lost.Rank, lost.Peer));
        Assert.Contains("its device is gone", lost.Reason, StringComparison.Ordinal);
        Assert.Throws<PeerLostException>(() => ranks.Buffers[0]!.Reduce(2, 0, 0, Elements));
    }

    /// <summary>Whoever has done all of a step may leave: the others have it all.</summary>
    [Fact]
    public async Task AStepThatAllHaveDoneIsWholeThoughOneLeftAtOnce()
    {
        for (var round = 0; round < 50; round++)
        {
            await using var ranks = await ResidentRanks.OpenAsync(2, Elements);
            await ranks.OnAllAsync(rank =>
            {
                ResidentRanks.Floats(ranks.Buffers[rank]!.Nodes[0]).Fill(rank + 1);
                ranks.Buffers[rank]!.Reduce(1, 0, 0, Elements);
                ranks.Buffers[rank]!.EndStep();
                if (rank == 1) ranks.Transports[rank].Cancel("it has finished");
            });
            Assert.Equal(
                -1, ResidentRanks.Floats(ranks.Buffers[0]!.Output).IndexOfAnyExcept(3f));
        }
    }

    [Fact]
    public async Task ANewerGenerationEndsTheOlder()
    {
        await using var shared = new SharedMemoryRanks(2);
        var plan = ResidentRanks.Plain(2);
        var older = await OpenBothAsync(generation: 0);
        var waiting = OnThread(() => older[0].Reduce(1, 0, 0, Elements));
        var newer = await OpenBothAsync(generation: 1);
        await Assert.ThrowsAsync<CollectiveCancelledException>(() => waiting.WaitAsync(Bound));
        await Task.WhenAll(newer.Select((buffers, rank) => OnThread(() =>
        {
            ResidentRanks.Floats(buffers.Nodes[0]).Fill(rank + 1);
            buffers.Reduce(1, 0, 0, Elements);
            buffers.EndStep();
        })));
        Assert.All(newer, buffers =>
            Assert.Equal(-1, ResidentRanks.Floats(buffers.Output).IndexOfAnyExcept(3f)));
        foreach (var buffers in older.Concat(newer))
            buffers.Dispose();

        async Task<ResidentBuffers[]> OpenBothAsync(int generation)
        {
            var opened = new ResidentBuffers[2];
            await Task.WhenAll(shared.OpenAll(generation).Select(transport => OnThread(
                () => opened[transport.Rank] = ResidentBuffers.TryOpen(
                    (SharedMemoryTransport)transport, plan, Elements)!)));
            return opened;
        }
    }

    [Fact]
    public async Task RanksOfDifferentGradientsRefuseEachOther()
    {
        await using var shared = new SharedMemoryRanks(2);
        await Task.WhenAll(shared.OpenAll().Select(transport => OnThread(() =>
        {
            var refused = Assert.Throws<FrameRefusedException>(() => ResidentBuffers.TryOpen(
                (SharedMemoryTransport)transport, ResidentRanks.Plain(2),
                Elements + transport.Rank));
            Assert.Equal("gradient segment", refused.Field);
        })));
        Assert.DoesNotContain(
            shared.Files, path => path.EndsWith("-all", StringComparison.Ordinal));
    }

    [Fact]
    public void ASegmentThatIsNotTheAnnouncedOneIsRefusedByName()
    {
        var directory = SharedMemoryRanks.NewDirectory();
        var path = Path.Combine(directory, "segment");
        var label = new SegmentLabel(SegmentLabel.CurrentLayout, 1, 2, 3, 1, 100, 4711);
        using (BufferSegment.Create(path, label))
        {
            SegmentLabel[] others =
            [
                label with { Layout = 1 }, label with { Job = 9 }, label with { Generation = 9 },
                label with { Rank = 9 }, label with { NodeElements = 101 },
                label with { NodeCount = 2 }, label with { Identity = 9 },
            ];
            foreach (var other in others)
            {
                var refused = Assert.Throws<InvalidDataException>(
                    () => BufferSegment.Attach(path, other));
                Assert.Contains(path, refused.Message, StringComparison.Ordinal);
            }

            BufferSegment.Attach(path, label).Dispose();
        }

        Directory.Delete(directory);
    }

    /// <summary>One rank has no room, because something has the name of its file.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task WhereOneRankHasNoRoomAllSendFrames(int rank)
    {
        var shared = new SharedMemoryRanks(3);
        var taken = new SegmentName(
            ProcessIdentity.Current!.Value, TransportCluster.Job, 0, rank, ToRank: null)
            .PathIn(shared.Settings.Directory);
        await File.WriteAllTextAsync(taken, "");
        await using var ranks = await ResidentRanks.OpenAsync(
            ResidentRanks.Plain(3), Elements, shared);
        Assert.All(ranks.Buffers, Assert.Null);
        var warning = Assert.Single(ranks.Warnings);
        output.WriteLine(warning);
        foreach (var said in new[] { $"rank {rank} ", "allocated", "exists", "--shm-size" })
            Assert.Contains(said, warning, StringComparison.Ordinal);
        Assert.Equal(
            taken, Assert.Single(
                ranks.Files, path => path.EndsWith("-all", StringComparison.Ordinal)));
        await FramesStillWorkAsync(ranks);
    }

    /// <summary>With a real file system of 1 MiB: the first segment fits, the last not.</summary>
    [Fact]
    public async Task AFullFolderIsToldAndAllSendFrames()
    {
        var shared = new SharedMemoryRanks(2, ringBytes: 1 << 14);
        var directory = shared.Settings.Directory;
        if (!Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory))
        {
            output.WriteLine("SKIPPED: this user may not mount a small file system");
            await shared.DisposeAsync();
            return;
        }

        try
        {
            await using (var full = await ResidentRanks.OpenAsync(
                ResidentRanks.Plain(2), 150_000, shared))
            {
                Assert.All(full.Buffers, Assert.Null);
                var warning = Assert.Single(full.Warnings);
                output.WriteLine(warning);
                foreach (var said in new[] { "1212416 bytes", directory, "No space left" })
                    Assert.Contains(said, warning, StringComparison.Ordinal);
                await FramesStillWorkAsync(full);
                Assert.True(Run("umount", "--lazy", directory));
            }
        }
        finally
        {
            Run("umount", "--lazy", directory);
        }
    }

    private static async Task FramesStillWorkAsync(ResidentRanks ranks)
    {
        var sums = new float[ranks.Transports.Length];
        await ranks.OnAllAsync(rank =>
        {
            var transport = ranks.Transports[rank];
            var reducer = new AllReducer(
                transport, ranks.Plan, [new byte[64], new byte[64]],
                new CollectiveScope(TransportCluster.Job, 0));
            ResidentRanks.Floats(reducer.Output).Fill(rank + 1);
            reducer.Reduce(1, 0, 0, 16);
            reducer.EndStep();
            sums[rank] = ResidentRanks.Floats(reducer.Output)[15];
        });
        Assert.All(sums, sum => Assert.Equal(sums.Length * (sums.Length + 1) / 2f, sum));
    }

    private static async Task<T> WaitsInVainAsync<T>(ResidentRanks ranks, int rank)
        where T : Exception
    {
        T? thrown = null;
        await OnThread(() => thrown = Assert.Throws<T>(
            () => ranks.Buffers[rank]!.Reduce(1, 0, 0, Elements)));
        return thrown!;
    }

    private static Task OnThread(Action body) => TransportCluster.OnThread(body);

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
