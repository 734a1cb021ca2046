using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: every byte arrives where it belongs, whatever the sizes, and nobody deadlocks. Method:
/// all pairs exchange at once, all sends before any receive.
/// </summary>
public sealed class GrpcTransportTests
{
    private static readonly byte[] Noise = CreateNoise();

    public static TheoryData<int, int> RanksAndSizes()
    {
        var data = new TheoryData<int, int>();
        foreach (var ranks in new[] { 2, 3, 4 })
            foreach (var size in new[] { 0, 1, 4097, 5 * 1024 * 1024 + 3 })
                data.Add(ranks, size);
        return data;
    }

    [Theory]
    [MemberData(nameof(RanksAndSizes))]
    public async Task AllPairsExchange(int ranks, int size)
    {
        await using var cluster = await StartAsync(ranks);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, transport => ExchangeWithAll(transport, size, rounds: 3));
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task SixtyFourMegabytesBothWaysBeforeAnyReceive()
    {
        const int ChunkBytes = 1024 * 1024;
        const int Chunks = 64;
        await using var cluster = await StartAsync(2);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, transport =>
        {
            var peer = 1 - transport.Rank;
            var sent = new byte[ChunkBytes];
            var received = new byte[ChunkBytes];
            Array.Fill(sent, (byte)(1 + transport.Rank));
            for (var chunk = 0; chunk < Chunks; chunk++)
                transport.Send(peer, Header(chunk, ChunkBytes), sent);
            for (var chunk = 0; chunk < Chunks; chunk++)
            {
                transport.Receive(peer, Header(chunk, ChunkBytes), received);
                Assert.Equal(-1, received.AsSpan().IndexOfAnyExcept((byte)(1 + peer)));
            }

            transport.Flush();
        });
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task FramesSentBeforeTheOtherSideOpensArrive()
    {
        await using var cluster = await StartAsync(2);
        var early = cluster.Open(0);
        early.Send(1, Header(0, 4), new byte[] { 1, 2, 3, 4 });
        await Task.Delay(200);
        var late = cluster.Open(1);
        var received = new byte[4];
        await OnThread(() => late.Receive(0, Header(0, 4), received));
        Assert.Equal([1, 2, 3, 4], received);
        await DisposeAllAsync([early, late]);
    }

    [Fact]
    public async Task WhatWasSentArrivesThoughTheSenderDisposesAtOnce()
    {
        await using var cluster = await StartAsync(2);
        var transports = cluster.OpenAll();
        var sent = new byte[3_000_000];
        new Random(5).NextBytes(sent);
        var leaving = OnThread(() =>
        {
            transports[0].Send(1, Header(0, sent.Length), sent);
            transports[0].Send(1, Header(1, sent.Length), sent);
            transports[0].Dispose();
        });
        await leaving;
        var received = new byte[sent.Length];
        await OnThread(() =>
        {
            for (var step = 0; step < 2; step++)
            {
                Array.Clear(received);
                transports[1].Receive(0, Header(step, sent.Length), received);
                Assert.True(received.AsSpan().SequenceEqual(sent));
            }

            var gone = Assert.Throws<PeerLostException>(
                () => transports[1].Receive(0, Header(2, 1), new byte[1]));
            Assert.Contains("closed its side", gone.Message, StringComparison.Ordinal);
        });
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task AGenerationFollowsAnotherOverTheSameServers()
    {
        await using var cluster = await StartAsync(2);
        for (var generation = 0; generation < 5; generation++)
        {
            var transports = cluster.OpenAll(generation);
            await RunAllAsync(
                transports, transport => ExchangeWithAll(transport, 1000, rounds: 2));
            await DisposeAllAsync(transports);
        }
    }

    private static byte[] CreateNoise()
    {
        var noise = new byte[6 * 1024 * 1024];
        new Random(3).NextBytes(noise);
        return noise;
    }

    private static void ExchangeWithAll(GrpcTransport transport, int size, int rounds)
    {
        var generation = transport.Generation;
        var received = new byte[size];
        for (var round = 0; round < rounds; round++)
        {
            for (var peer = 0; peer < transport.Size; peer++)
            {
                if (peer == transport.Rank) continue;
                var payload = Payload(transport.Rank, peer, round, size);
                transport.Send(peer, Header(round, size, generation), payload);
            }

            for (var peer = 0; peer < transport.Size; peer++)
            {
                if (peer == transport.Rank) continue;
                transport.Receive(peer, Header(round, size, generation), received);
                var expected = Payload(peer, transport.Rank, round, size);
                Assert.True(received.AsSpan().SequenceEqual(expected.Span));
            }

            transport.Flush();
        }
    }

    /// <summary>A window into the same noise, at another place for every frame.</summary>
    private static ReadOnlyMemory<byte> Payload(int from, int to, int round, int size) =>
        Noise.AsMemory(from * 100 + to * 10 + round, size);
}
