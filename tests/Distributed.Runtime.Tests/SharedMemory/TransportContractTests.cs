using System.Diagnostics;
using Distributed.Collectives.Transport;
using Xunit.Abstractions;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.SharedMemory;

public sealed class GrpcContractTests(ITestOutputHelper output) : TransportContractTests(output)
{
    private protected override async Task<Ranks> StartRanksAsync(int size) =>
        new GrpcRanks(await StartAsync(size));
}

public sealed class SharedMemoryContractTests(ITestOutputHelper output)
    : TransportContractTests(output)
{
    private protected override Task<Ranks> StartRanksAsync(int size) =>
        Task.FromResult<Ranks>(new SharedMemoryRanks(size));
}

/// <summary>Frames fill this ring many times over, and some are longer than it.</summary>
public sealed class SmallRingContractTests(ITestOutputHelper output)
    : TransportContractTests(output)
{
    private protected override Task<Ranks> StartRanksAsync(int size) =>
        Task.FromResult<Ranks>(new SharedMemoryRanks(size, ringBytes: 1 << 13));
}

/// <summary>
/// Goal: collectives cannot tell transports apart. Method: what ITransport promises, one promise a
/// test, over each transport.
/// </summary>
public abstract class TransportContractTests(ITestOutputHelper output)
{
    /// <summary>Bounds a test that hangs; nothing is decided by it.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);

    private static readonly byte[] Noise = CreateNoise();

    public static TheoryData<int, int> RanksAndSizes()
    {
        var data = new TheoryData<int, int>();
        foreach (var ranks in new[] { 2, 3, 4 })
            foreach (var size in new[] { 0, 1, 4097, 1_500_003 })
                data.Add(ranks, size);
        return data;
    }

    public static TheoryData<string, bool> FieldsAndOrders()
    {
        var data = new TheoryData<string, bool>();
        foreach (var field in new[]
            {
                "job", "generation", "step", "bucket", "phase", "node", "offset", "length",
                "element format", "payload bytes",
            })
        {
            data.Add(field, false);
            data.Add(field, true);
        }

        return data;
    }

    private protected abstract Task<Ranks> StartRanksAsync(int size);

    [Theory]
    [MemberData(nameof(RanksAndSizes))]
    public async Task AllPairsExchangeInOrder(int size, int bytes)
    {
        await using var ranks = await StartRanksAsync(size);
        var transports = ranks.OpenAll();
        await Task.WhenAll(transports.Select(
            transport => OnThread(() => ExchangeWithAll(transport, bytes, rounds: 4))));
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task EverythingIsSentBothWaysBeforeAnyReceive()
    {
        const int Frames = 400;
        await using var ranks = await StartRanksAsync(2);
        var transports = ranks.OpenAll();
        await Task.WhenAll(transports.Select(transport => OnThread(() =>
        {
            var peer = 1 - transport.Rank;
            for (var step = 0; step < Frames; step++)
                transport.Send(peer, Header(step, 0), Sent(transport.Rank, step));
            for (var step = 0; step < Frames; step++)
                AssertReceives(transport, peer, step);
            transport.Flush();
        })));
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task FramesSentBeforeTheOtherSideOpensArrive()
    {
        await using var ranks = await StartRanksAsync(2);
        var early = ranks.Open(0);
        for (var step = 0; step < 3; step++)
            early.Send(1, Header(step, 0), Sent(0, step));
        var late = ranks.Open(1);
        await OnThread(() =>
        {
            for (var step = 0; step < 3; step++)
                AssertReceives(late, 0, step);
        });
        await DisposeAllAsync([early, late]);
    }

    [Fact]
    public async Task AReceiveWaitsForAPeerThatOpensLater()
    {
        await using var ranks = await StartRanksAsync(2);
        var early = ranks.Open(0);
        var receive = OnThread(() => AssertReceives(early, 1, 0));
        await Task.Delay(100);
        var late = ranks.Open(1);
        late.Send(0, Header(0, 0), Sent(1, 0));
        await receive.WaitAsync(Bound);
        await DisposeAllAsync([early, late]);
    }

    [Fact]
    public async Task DisposeDeliversWhatWasSentAndThenThePeerIsGone()
    {
        await using var ranks = await StartRanksAsync(2);
        var leaving = ranks.Open(0);
        var staying = ranks.Open(1);
        const int Frames = 30;
        for (var step = 0; step < Frames; step++)
            leaving.Send(1, Header(step, 0), Sent(0, step));
        var disposed = OnThread(leaving.Dispose);
        await OnThread(() =>
        {
            for (var step = 0; step < Frames; step++)
                AssertReceives(staying, 0, step);
            var gone = Assert.Throws<PeerLostException>(
                () => staying.Receive(0, Header(Frames, 1), new byte[1]));
            Assert.Contains("closed its side", gone.Message, StringComparison.Ordinal);
        });
        await disposed.WaitAsync(Bound);
        staying.Dispose();
    }

    [Theory]
    [MemberData(nameof(FieldsAndOrders))]
    public async Task EachWrongFieldIsRefusedByName(string field, bool postFirst)
    {
        await using var ranks = await StartRanksAsync(2);
        var transports = ranks.OpenAll();
        var expected = Header(5, 4);
        var payload = new byte[field == "payload bytes" ? 5 : 4];
        Task Receive() => OnThread(() => transports[0].Receive(1, expected, new byte[4]));
        var receive = postFirst ? Receive() : null;
        if (postFirst) await Task.Delay(20);
        transports[1].Send(0, With(expected, field), payload);
        receive ??= Receive();
        var refused = await Assert.ThrowsAsync<FrameRefusedException>(
            () => receive.WaitAsync(Bound));
        Assert.Equal((1, 0, field), (refused.FromRank, refused.ToRank, refused.Field));
        await Assert.ThrowsAsync<FrameRefusedException>(() => Receive().WaitAsync(Bound));

        transports[0].Cancel(refused.Message);
        var told = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transports[1].Receive(0, expected, new byte[4])).WaitAsync(Bound));
        Assert.Contains(refused.Message, told.Message, StringComparison.Ordinal);
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task CancelWakesBlockedCallsAndTellsThePeerWhy()
    {
        await using var ranks = await StartRanksAsync(2);
        var lost = new TaskCompletionSource<int>();
        var transport = ranks.Open(0);
        var peer = ranks.Open(1, lost: (rank, _) => lost.TrySetResult(rank));
        var payload = new byte[1024 * 1024];
        for (var step = 0; step < 64; step++)
            transport.Send(1, Header(step, payload.Length), payload);
        var flush = OnThread(transport.Flush);
        var receive = OnThread(() => transport.Receive(1, Header(0, 1), new byte[1]));
        await Task.Delay(200);
        Assert.False(flush.IsCompleted || receive.IsCompleted);

        var watch = Stopwatch.StartNew();
        transport.Cancel("rank 7 is gone");
        foreach (var blocked in new[] { flush, receive })
        {
            var cancelled = await Assert.ThrowsAsync<CollectiveCancelledException>(
                () => blocked.WaitAsync(Bound));
            Assert.Contains("rank 7 is gone", cancelled.Message, StringComparison.Ordinal);
        }

        output.WriteLine($"blocked calls ended after {watch.Elapsed.TotalMilliseconds:F1} ms");
        Assert.Equal(0, await lost.Task.WaitAsync(Bound));
        var told = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(() =>
        {
            for (var step = 0; ; step++)
                peer.Receive(0, Header(step, payload.Length), new byte[payload.Length]);
        }).WaitAsync(Bound));
        Assert.Contains("rank 7 is gone", told.Message, StringComparison.Ordinal);
        Assert.Throws<PeerLostException>(() => peer.Send(0, Header(0, 1), new byte[1]));
        Assert.Throws<CollectiveCancelledException>(
            () => transport.Send(1, Header(0, 1), new byte[1]));
        Assert.Throws<CollectiveCancelledException>(
            () => transport.Receive(1, Header(0, 1), new byte[1]));
        Assert.Throws<CollectiveCancelledException>(transport.Flush);
        await DisposeAllAsync([transport, peer]);
    }

    [Fact]
    public async Task OnePairEndsAndTheOthersGoOn()
    {
        await using var ranks = await StartRanksAsync(3);
        var transports = ranks.OpenAll();
        transports[1].Cancel("enough");
        await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transports[0].Receive(1, Header(0, 1), new byte[1])).WaitAsync(Bound));
        await Task.WhenAll(new[] { 0, 2 }.Select(rank => OnThread(() =>
        {
            transports[rank].Send(2 - rank, Header(9, 0), Sent(rank, 9));
            AssertReceives(transports[rank], 2 - rank, 9);
        })));
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task CancelWakesAReceiveWhosePeerNeverOpened()
    {
        await using var ranks = await StartRanksAsync(2);
        using var transport = ranks.Open(0);
        var receive = OnThread(() => transport.Receive(1, Header(0, 1), new byte[1]));
        await Task.Delay(50);
        transport.Cancel("nobody comes");
        await Assert.ThrowsAsync<CollectiveCancelledException>(() => receive.WaitAsync(Bound));
    }

    [Fact]
    public async Task ANewerGenerationCancelsTheOlderAndWorks()
    {
        await using var ranks = await StartRanksAsync(2);
        var older = ranks.OpenAll(generation: 1);
        older[1].Send(0, Header(0, 0, generation: 1), Sent(1, 0));
        var newer = ranks.OpenAll(generation: 2);
        var cancelled = await Assert.ThrowsAsync<CollectiveCancelledException>(() => OnThread(
            () => older[0].Receive(1, Header(0, 0, generation: 1), new byte[1])).WaitAsync(Bound));
        Assert.Contains("generation 2 has begun", cancelled.Message, StringComparison.Ordinal);
        await DisposeAllAsync(older);
        await Task.WhenAll(newer.Select(transport => OnThread(() =>
        {
            transport.Send(1 - transport.Rank, Header(0, 0, 2), Sent(transport.Rank, 7));
            var expected = Sent(1 - transport.Rank, 7);
            var received = new byte[expected.Length];
            transport.Receive(1 - transport.Rank, Header(0, 0, 2), received);
            Assert.True(expected.Span.SequenceEqual(received));
        })));
        await DisposeAllAsync(newer);
    }

    private static void ExchangeWithAll(ITransport transport, int bytes, int rounds)
    {
        var received = new byte[bytes];
        for (var round = 0; round < rounds; round++)
        {
            for (var peer = 0; peer < transport.Size; peer++)
                if (peer != transport.Rank)
                    transport.Send(peer, Header(round, bytes), Window(transport.Rank, peer, round));
            for (var peer = 0; peer < transport.Size; peer++)
            {
                if (peer == transport.Rank) continue;
                transport.Receive(peer, Header(round, bytes), received);
                var expected = Window(peer, transport.Rank, round);
                Assert.True(received.AsSpan().SequenceEqual(expected.Span));
            }

            transport.Flush();
        }

        // A window into the same noise, at another place for every frame.
        ReadOnlyMemory<byte> Window(int from, int to, int round) =>
            Noise.AsMemory(from * 100 + to * 10 + round, bytes);
    }

    /// <summary>A payload of a length that only this frame of this rank has.</summary>
    private static ReadOnlyMemory<byte> Sent(int rank, int step) =>
        Noise.AsMemory(step * 3 + rank, step * 101 % 5000 + rank);

    private static void AssertReceives(ITransport transport, int peer, int step)
    {
        var expected = Sent(peer, step);
        var received = new byte[expected.Length];
        transport.Receive(peer, Header(step, 0), received);
        Assert.True(expected.Span.SequenceEqual(received));
    }

    private static FrameHeader With(in FrameHeader header, string wrongField) => wrongField switch
    {
        "job" => header with { Job = header.Job + 1 },
        "generation" => header with { Generation = header.Generation + 1 },
        "step" => header with { Step = header.Step + 1 },
        "bucket" => header with { Bucket = header.Bucket + 1 },
        "phase" => header with { Phase = header.Phase + 1 },
        "node" => header with { Node = header.Node + 1 },
        "offset" => header with { Offset = header.Offset + 1 },
        "length" => header with { Length = header.Length + 1 },
        "element format" => header with { Format = ElementFormat.Bfloat16 },
        _ => header,
    };

    private static byte[] CreateNoise()
    {
        var noise = new byte[2 * 1024 * 1024];
        new Random(3).NextBytes(noise);
        return noise;
    }
}
