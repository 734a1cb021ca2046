using System.Diagnostics;
using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;
using Distributed.Runtime.SharedMemory;
using Xunit.Abstractions;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: a killed process is noticed at once and leaves nothing; one that is stopped is not taken
/// for dead. Method: real processes, real signals.
/// </summary>
public sealed partial class SharedMemoryProcessTests : IDisposable
{
    private const int Stop = 19;
    private const int Continue = 18;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly ITestOutputHelper _output;
    private readonly string _directory = SharedMemoryRanks.NewDirectory();
    private readonly TaskCompletionSource<(int Rank, string Text, long At)> _lost = new();

    public SharedMemoryProcessTests(ITestOutputHelper output) => _output = output;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task APeerKilledInMidAllReduceIsLost(bool usesProcessHandles, bool isResident)
    {
        using var child = PeerProgram.Start(_directory, isResident);
        using var transport = Open(child, usesProcessHandles);
        using var running = new SemaphoreSlim(0);
        var reducing = OnThread(() => PeerProgram.Reduce(
            transport, isResident, int.MaxValue, step =>
            {
                if (step == 20) running.Release();
            }));
        if (await Task.WhenAny(reducing, running.WaitAsync(Bound)) == reducing) await reducing;

        var killed = Stopwatch.GetTimestamp();
        child.Kill();
        var failure = await Assert.ThrowsAsync<PeerLostException>(() => reducing.WaitAsync(Bound));
        _output.WriteLine(
            $"noticed after {Stopwatch.GetElapsedTime(killed).TotalMilliseconds:F1} ms");
        Assert.Equal((0, 1), (failure.Rank, failure.Peer));
        Assert.Equal("its process has ended", failure.Reason);
        Assert.Contains($"process {child.Id} ", failure.Message, StringComparison.Ordinal);
        Assert.Equal(failure.Message, (await _lost.Task.WaitAsync(Bound)).Text);
        Assert.Throws<PeerLostException>(() => transport.Send(1, Header(0, 1), new byte[1]));
        transport.Dispose();
        Assert.Empty(Directory.GetFiles(_directory));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AStoppedPeerIsWaitedForAndCancelStillWakes(bool isResident)
    {
        using var child = PeerProgram.Start(_directory, isResident);
        using var transport = Open(child);
        var steps = 0;
        var reducing = OnThread(() => PeerProgram.Reduce(
            transport, isResident, int.MaxValue, step => Volatile.Write(ref steps, step)));
        await StepsPassAsync(20);
        SendSignal(child.Id, Stop);
        await Task.Delay(300);
        Assert.False(reducing.IsCompleted || _lost.Task.IsCompleted);
        SendSignal(child.Id, Continue);
        await StepsPassAsync(20);

        SendSignal(child.Id, Stop);
        await Task.Delay(50);
        transport.Cancel("the detector says so");
        await Assert.ThrowsAsync<CollectiveCancelledException>(() => reducing.WaitAsync(Bound));
        Assert.False(_lost.Task.IsCompleted);
        SendSignal(child.Id, Continue);
        await child.WaitForExitAsync().WaitAsync(Bound);
        Assert.Equal(0, child.ExitCode);

        async Task StepsPassAsync(int count)
        {
            var target = Volatile.Read(ref steps) + count;
            while (Volatile.Read(ref steps) < target && !reducing.IsCompleted)
                await Task.Delay(5);
            if (reducing.IsCompleted) await reducing;
        }
    }

    /// <summary>The peer never opens anything, and nothing is exchanged with it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TheDeathOfAnIdlePeerIsTold(bool usesProcessHandles)
    {
        using var idle = Process.Start("sleep", "600");
        using var transport = Open(idle, usesProcessHandles);
        var receive = OnThread(() => transport.Receive(1, Header(0, 1), new byte[1]));
        await Task.Delay(100);
        Assert.False(receive.IsCompleted || _lost.Task.IsCompleted);
        var killed = Stopwatch.GetTimestamp();
        idle.Kill();
        var (rank, text, at) = await _lost.Task.WaitAsync(Bound);
        _output.WriteLine(
            $"told after {Stopwatch.GetElapsedTime(killed, at).TotalMilliseconds:F1} ms");
        Assert.Equal(1, rank);
        Assert.Contains("its process has ended", text, StringComparison.Ordinal);
        await Assert.ThrowsAsync<PeerLostException>(() => receive.WaitAsync(Bound));
    }

    [Fact]
    public async Task ANumberThatNoProcessHasIsALostPeer()
    {
        using var ended = Process.Start("true");
        await ended.WaitForExitAsync();
        using var transport = Open(ended);
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transport.Receive(1, Header(0, 1), new byte[1])).WaitAsync(Bound));
        Assert.Equal("no process has this number", lost.Reason);
    }

    private SharedMemoryTransport Open(Process peer, bool usesProcessHandles = true) =>
        PeerProgram.Open(
            rank: 0, _directory, [Environment.ProcessId, peer.Id],
            (rank, text) => _lost.TrySetResult((rank, text, Stopwatch.GetTimestamp())),
            usesProcessHandles);

    private static void SendSignal(int processId, int signal) =>
        Assert.Equal(0, Kill(processId, signal));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
