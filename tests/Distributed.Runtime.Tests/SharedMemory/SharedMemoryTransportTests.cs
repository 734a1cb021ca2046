using System.Diagnostics;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.SharedMemory;
using FsCheck;
using FsCheck.Xunit;
using Xunit.Abstractions;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: what only shared memory can get wrong is right: rings that wrap, damaged memory, files
/// that stay, and folders that are full.
/// </summary>
public sealed class SharedMemoryTransportTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Frames of any lengths meet the ring's end at any place, and keep their order and bytes.
    /// </summary>
    [Property(MaxTest = 60)]
    public void FramesOfAnyLengthsKeepTheirOrderAndBytes(NonEmptyArray<ushort> drawn, byte ring)
    {
        var ranks = new SharedMemoryRanks(2, ringBytes: 256 << (ring % 6));
        try
        {
            var transports = ranks.OpenAll();
            Exchange(transports, [.. drawn.Get.Select(length => length % 3000)]);
            Array.ForEach(transports, transport => transport.Dispose());
            Assert.Empty(ranks.Files);
        }
        finally
        {
            ranks.RemoveAll();
        }
    }

    [Fact]
    public async Task NothingIsAllocatedForAFrame()
    {
        await using var ranks = new SharedMemoryRanks(2);
        var transports = ranks.OpenAll();
        var (payload, received) = (new byte[4000], new byte[4000]);
        long before = 0;
        for (var step = 0; step < 1100; step++)
        {
            if (step == 100) before = GC.GetAllocatedBytesForCurrentThread();
            transports[0].Send(1, Header(step, 0), payload);
            transports[1].Receive(0, Header(step, 0), received);
            transports[0].Flush();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        await DisposeAllAsync(transports);
    }

    /// <summary>Every bit of a frame in the ring counts: none can change unnoticed.</summary>
    [Theory]
    [InlineData(0, "job")]
    [InlineData(8, "generation")]
    [InlineData(12, "step")]
    [InlineData(20, "bucket")]
    [InlineData(24, "phase")]
    [InlineData(28, "node")]
    [InlineData(32, "offset")]
    [InlineData(40, "length")]
    [InlineData(48, "element format")]
    [InlineData(56, "payload bytes")]
    [InlineData(64, "checksum")]
    [InlineData(64 + 99, "checksum")]
    [InlineData(64 + 104, "checksum")]
    public async Task ADamagedByteInTheRingIsRefused(int at, string field)
    {
        await using var ranks = new SharedMemoryRanks(2);
        var sender = ranks.Open(0);
        sender.Send(1, Header(0, 100), Payload(0, 100));
        const int RingAt = 4096;
        Change(Assert.Single(ranks.Files), RingAt + at, value => (byte)(value ^ 0x10));
        var receiver = ranks.Open(1);
        var refused = await Assert.ThrowsAsync<FrameRefusedException>(() => OnThread(
            () => receiver.Receive(0, Header(0, 100), new byte[100])).WaitAsync(Bound));
        Assert.Equal(field, refused.Field);
        receiver.Cancel(refused.Message);
        await DisposeAllAsync([sender, receiver]);
    }

    [Fact]
    public async Task ARingOfAnotherVersionIsALostPeer()
    {
        await using var ranks = new SharedMemoryRanks(2);
        using var sender = ranks.Open(0);
        Change(Assert.Single(ranks.Files), 0, value => (byte)(value + 1));
        using var receiver = ranks.Open(1);
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => receiver.Receive(0, Header(0, 1), new byte[1])).WaitAsync(Bound));
        Assert.Contains("another version", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APeerThatDoesNotOpenInTimeIsLost()
    {
        await using var ranks = new SharedMemoryRanks(2, ringBytes: 1024, openTimeoutSeconds: 0.2);
        var told = new TaskCompletionSource<string>();
        var receiving = ranks.Open(0, lost: (_, text) => told.TrySetResult(text));
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => receiving.Receive(1, Header(0, 1), new byte[1])).WaitAsync(Bound));
        Assert.Equal(
            $"rank 0 lost rank 1 at process {Environment.ProcessId} of this host: it did not open"
            + " generation 0 of job 77 within 0.2 s",
            lost.Message);
        Assert.Equal(lost.Message, await told.Task.WaitAsync(Bound));
        receiving.Dispose();

        using var flushing = ranks.Open(0, generation: 1);
        flushing.Send(1, Header(0, 1), new byte[10_000]);
        await Assert.ThrowsAsync<PeerLostException>(
            () => OnThread(flushing.Flush).WaitAsync(Bound));
    }

    [Fact]
    public async Task APeerThatLeavesInOrderIsNoFailure()
    {
        await using var ranks = new SharedMemoryRanks(2);
        var told = new List<string>();
        var leaving = ranks.Open(0);
        using var staying = ranks.Open(1, lost: (_, text) =>
        {
            lock (told) told.Add(text);
        });
        leaving.Send(1, Header(0, 4), new byte[4]);
        await OnThread(() => staying.Receive(0, Header(0, 4), new byte[4]));
        await OnThread(leaving.Dispose);
        await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => staying.Receive(0, Header(1, 4), new byte[4])).WaitAsync(Bound));
        staying.Flush();
        Assert.Throws<PeerLostException>(() => staying.Send(0, Header(0, 4), new byte[4]));
        lock (told) Assert.Empty(told);
    }

    [Fact]
    public async Task FilesAreGoneOnceBothSidesHaveThemOpen()
    {
        await using var ranks = new SharedMemoryRanks(4);
        var transports = ranks.OpenAll();
        var watch = Stopwatch.StartNew();
        while (ranks.Files.Length > 0)
        {
            Assert.True(watch.Elapsed < Bound, string.Join('\n', ranks.Files));
            await Task.Delay(1);
        }

        output.WriteLine($"all open after {watch.Elapsed.TotalMilliseconds:F1} ms");
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task DisposeTakesAwayWhatNobodyOpened()
    {
        await using var ranks = new SharedMemoryRanks(3);
        var alone = ranks.Open(0);
        Assert.Equal(2, ranks.Files.Length);
        alone.Dispose();
        Assert.Empty(ranks.Files);
    }

    [Fact]
    public void TheSweepTakesFilesOfDeadProcessesOnly()
    {
        var directory = SharedMemoryRanks.NewDirectory();
        var own = ProcessIdentity.Current!.Value;
        using var ended = Process.Start("true");
        ended.WaitForExit();
        SegmentName Name(ProcessIdentity creator) => new(creator, 1, 2, 0, 1);
        var deadsBuffers = (Name(new ProcessIdentity(ended.Id, 5)) with { ToRank = null })
            .PathIn(directory);
        var living = Name(own).PathIn(directory);
        var reused = Name(own with { StartTicks = own.StartTicks - 1 }).PathIn(directory);
        var dead = Name(new ProcessIdentity(ended.Id, 5)).PathIn(directory);
        var halfMade = dead + ".new";
        var strange = Path.Combine(directory, "distributed-notes.txt");
        foreach (var path in new[] { living, reused, dead, deadsBuffers, halfMade, strange })
            File.WriteAllText(path, "");
        _ = new SharedMemoryHub(directory);
        Assert.Equal(
            new[] { living, strange }.Order(), Directory.GetFiles(directory).Order());
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void AMissingFolderSaysWhatToDo()
    {
        var hub = new SharedMemoryHub("/nowhere/at/all");
        Assert.Null(hub.Place);
        var refused = Assert.Throws<OperatingException>(() => hub.Open(1, 0, 0, [1, 1]));
        Assert.Contains("/nowhere/at/all", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--transport grpc", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>With a real file system of 1 MiB: three rings do not fit, one does.</summary>
    [Fact]
    public void AFullFolderIsAnErrorAtOpenAndLeavesNothing()
    {
        var directory = SharedMemoryRanks.NewDirectory();
        if (!Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory))
        {
            output.WriteLine("SKIPPED: this user may not mount a small file system");
            Directory.Delete(directory);
            return;
        }

        try
        {
            var hub = new SharedMemoryHub(new SharedMemorySettings(
                directory, 1 << 19, SharedMemoryTransport.OpenTimeout));
            var self = Environment.ProcessId;
            var full = Assert.Throws<OperatingException>(
                () => hub.Open(77, 0, 0, [self, self, self, self]));
            output.WriteLine(full.Message);
            foreach (var said in new[] { "1585152 bytes in 3 files", "No space left on device" })
                Assert.Contains(said, full.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(directory));
            hub.Open(77, 0, 0, [self, self]).Dispose();
        }
        finally
        {
            Assert.True(Run("umount", directory));
            Directory.Delete(directory);
        }
    }

    /// <summary>A container has 64 MiB by default, and a job need not be alone.</summary>
    [Fact]
    public void AJobsRingsTakeHalfOfAContainersSharedMemoryAtMost()
    {
        var settings = new SharedMemorySettings("", 1 << 20, TimeSpan.Zero);
        for (var ranks = 1; ranks <= 64; ranks++)
        {
            var ringBytes = settings.RingBytes(ranks);
            Assert.InRange((long)ringBytes * ranks * (ranks - 1), 0, 32 << 20);
            Assert.InRange(ringBytes, 1 << 12, 1 << 20);
        }

        Assert.Equal(1 << 20, settings.RingBytes(4));
    }

    [Fact]
    public void ThePlaceIsTheSameForTheSameFolderOnly()
    {
        var here = new SharedMemoryHub().Place;
        Assert.NotNull(here);
        Assert.Equal(here, new SharedMemoryHub().Place);
        Assert.NotEqual(here, new SharedMemoryHub("/proc").Place);
    }

    private static void Exchange(ITransport[] transports, int[] lengths)
    {
        var sender = OnThread(() =>
        {
            for (var step = 0; step < lengths.Length; step++)
                transports[0].Send(1, Header(step, 0), Payload(step, lengths[step]));
            transports[0].Flush();
        });
        for (var step = 0; step < lengths.Length; step++)
        {
            var received = new byte[lengths[step]];
            transports[1].Receive(0, Header(step, 0), received);
            Assert.Equal(Payload(step, lengths[step]), received);
        }

        Assert.True(sender.Wait(Bound));
    }

    private static byte[] Payload(int step, int length)
    {
        var payload = new byte[length];
        new Random(step).NextBytes(payload);
        return payload;
    }

    private static void Change(string path, long at, Func<byte, byte> change)
    {
        using var file = File.OpenHandle(
            path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        var value = new byte[1];
        RandomAccess.Read(file, value, at);
        value[0] = change(value[0]);
        RandomAccess.Write(file, value, at);
    }

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
