using System.Diagnostics;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Rpc;
using Grpc.Core;
using Xunit.Abstractions;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: whatever goes wrong, blocked calls end within a moment and say who and what. Method: one
/// fault each, with real streams.
/// </summary>
public sealed class TransportFailureTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task CancelWakesBlockedCallsAndTellsThePeerWhy()
    {
        await using var cluster = await StartAsync(2);
        var transports = cluster.OpenAll();
        // 64 MiB that nobody receives: more than windows and held frames, so Flush blocks.
        var payload = new byte[1024 * 1024];
        for (var step = 0; step < 64; step++)
            transports[0].Send(1, Header(step, payload.Length), payload);
        var flush = OnThread(transports[0].Flush);
        var receive = OnThread(() => transports[0].Receive(1, Header(0, 1), new byte[1]));
        await Task.Delay(300);
        Assert.False(flush.IsCompleted || receive.IsCompleted);

        var watch = Stopwatch.StartNew();
        transports[0].Cancel("rank 7 is gone");
        foreach (var blocked in new[] { flush, receive })
        {
            var cancelled = await Assert.ThrowsAsync<CollectiveCancelledException>(
                () => blocked.WaitAsync(Moment));
            Assert.Contains("rank 7 is gone", cancelled.Message, StringComparison.Ordinal);
        }

        output.WriteLine($"blocked calls ended after {watch.Elapsed.TotalMilliseconds:F1} ms");
        var peer = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(() =>
        {
            for (var step = 0; ; step++)
                transports[1].Receive(0, Header(step, payload.Length), new byte[payload.Length]);
        }).WaitAsync(Moment));
        Assert.Contains("rank 7 is gone", peer.Message, StringComparison.Ordinal);
        Assert.Throws<CollectiveCancelledException>(
            () => transports[0].Send(1, Header(0, 1), new byte[1]));
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task AStoppedServerIsALostPeer()
    {
        await using var cluster = await StartAsync(3);
        var lost = new TaskCompletionSource<(int, string)>();
        var survivor = cluster.Open(0, lost: (peer, text) => lost.TrySetResult((peer, text)));
        var victim = cluster.Open(1);
        var other = cluster.Open(2);
        victim.Send(0, Header(0, 1), new byte[1]);
        await OnThread(() => survivor.Receive(1, Header(0, 1), new byte[1]));
        var receive = OnThread(() => survivor.Receive(1, Header(1, 1), new byte[1]));

        await cluster.Servers[1].DisposeAsync();
        var failure = await Assert.ThrowsAsync<PeerLostException>(() => receive.WaitAsync(Moment));
        Assert.Equal((0, 1), (failure.Rank, failure.Peer));
        Assert.Contains(cluster.Addresses[1], failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await lost.Task.WaitAsync(Moment)).Item1);
        Assert.Throws<PeerLostException>(() => survivor.Send(1, Header(1, 1), new byte[1]));

        // The pair that is left goes on.
        other.Send(0, Header(0, 1), new byte[] { 9 });
        var received = new byte[1];
        await OnThread(() => survivor.Receive(2, Header(0, 1), received));
        Assert.Equal(9, received[0]);
        await DisposeAllAsync([survivor, victim, other]);
    }

    [Fact]
    public async Task NobodyAtTheAddressIsALostPeer()
    {
        await using var cluster = await StartAsync(2);
        await cluster.Servers[1].DisposeAsync();
        using var transport = cluster.Open(0);
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transport.Receive(1, Header(0, 1), new byte[1])).WaitAsync(Moment));
        Assert.Contains(
            $"nothing listens at {cluster.Addresses[1]}", lost.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("step", false)]
    [InlineData("step", true)]
    [InlineData("length", true)]
    [InlineData("generation", false)]
    [InlineData("payload bytes", false)]
    [InlineData("payload bytes", true)]
    public async Task AnUnexpectedFrameIsRefusedByBothRanksAndField(string field, bool postFirst)
    {
        await using var cluster = await StartAsync(2);
        var transports = cluster.OpenAll();
        var expected = Header(5, 4);
        var sent = field switch
        {
            "step" => expected with { Step = 6 },
            "length" => expected with { Length = 3 },
            "generation" => expected with { Generation = 2 },
            _ => expected,
        };
        var payload = new byte[field == "payload bytes" ? 5 : 4];
        Task Receive() => OnThread(() => transports[0].Receive(1, expected, new byte[4]));
        var receive = postFirst ? Receive() : null;
        await Task.Delay(50);
        transports[1].Send(0, sent, payload);
        await Task.Delay(50);
        receive ??= Receive();
        var refused = await Assert.ThrowsAsync<FrameRefusedException>(
            () => receive.WaitAsync(Moment));
        Assert.Equal((1, 0, field), (refused.FromRank, refused.ToRank, refused.Field));

        transports[0].Cancel(refused.Message);
        var told = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transports[1].Receive(0, expected, new byte[4])).WaitAsync(Moment));
        Assert.Contains(refused.Message, told.Message, StringComparison.Ordinal);
        await DisposeAllAsync(transports);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ACorruptedPayloadIsRefusedAndTheSenderHearsIt(bool postFirst)
    {
        await using var cluster = await StartAsync(2);
        using var transport = cluster.Open(0);
        var receive = postFirst
            ? OnThread(() => transport.Receive(1, Header(0, 4), new byte[4]))
            : Task.CompletedTask;
        using var client = new RpcClient(cluster.Addresses[0], RpcSecurity.None);
        using var call = Exchange(client, generation: 0);
        var bad = Header(0, 4) with { Checksum = Crc32C.Compute([1, 2, 3, 5]) };
        await call.RequestStream.WriteAsync(FrameCodecTests.FrameOf(bad, [1, 2, 3, 4]));
        var told = await Assert.ThrowsAsync<RpcException>(
            () => call.ResponseAsync.WaitAsync(Moment));
        Assert.Equal(StatusCode.DataLoss, told.StatusCode);
        Assert.Contains(
            "rank 0 refused a frame of rank 1: checksum", told.Status.Detail,
            StringComparison.Ordinal);
        if (!postFirst)
            receive = OnThread(() => transport.Receive(1, Header(0, 4), new byte[4]));
        var refused = await Assert.ThrowsAsync<FrameRefusedException>(
            () => receive.WaitAsync(Moment));
        Assert.Equal("checksum", refused.Field);
        transport.Cancel("the frame was refused");
    }

    [Fact]
    public async Task AnOlderGenerationIsToldWhatWasExpected()
    {
        await using var cluster = await StartAsync(2);
        using var transport = cluster.Open(0, generation: 4);
        using var client = new RpcClient(cluster.Addresses[0], RpcSecurity.None);
        using var call = Exchange(client, generation: 3);
        var refused = await Assert.ThrowsAsync<RpcException>(
            () => call.ResponseAsync.WaitAsync(Moment));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Equal(
            "generation 3 of job 77 is over at rank 0: expected generation 4 or later",
            refused.Status.Detail);
        transport.Cancel("done");
    }

    [Fact]
    public async Task ANewerGenerationCancelsTheOlder()
    {
        await using var cluster = await StartAsync(2);
        var older = cluster.Open(0, generation: 1);
        var receive = OnThread(() => older.Receive(1, Header(0, 1), new byte[1]));
        await Task.Delay(50);
        var newer = cluster.Open(0, generation: 2);
        var cancelled = await Assert.ThrowsAsync<CollectiveCancelledException>(
            () => receive.WaitAsync(Moment));
        Assert.Contains("generation 2 has begun", cancelled.Message, StringComparison.Ordinal);
        older.Dispose();
        newer.Cancel("done");
        newer.Dispose();
    }

    [Fact]
    public async Task GrpcioSendsFrames()
    {
        if (PythonPeer.IsMissing(output)) return;
        await using var cluster = await StartAsync(2);
        using var transport = cluster.Open(0, generation: 4);
        var results = await PythonPeer.RunAsync("DataPlane/frame_peer.py", cluster.Addresses[0]);
        Assert.Equal("2 frames, 8 bytes", results["frames"]);
        Assert.Equal(
            "FAILED_PRECONDITION: generation 3 of job 77 is over at rank 0: expected generation 4"
            + " or later", results["older generation"]);
        Assert.StartsWith(
            "INVALID_ARGUMENT: rank 0 of job 77 has no peer 9", results["stranger"],
            StringComparison.Ordinal);
        Assert.StartsWith(
            "ALREADY_EXISTS: rank 0 has had a stream of rank 1", results["second stream"],
            StringComparison.Ordinal);
        Assert.Equal(
            "INVALID_ARGUMENT: metadata distributed-job is missing: expected a decimal number",
            results["no metadata"]);
        var received = new byte[4];
        await OnThread(() =>
        {
            transport.Receive(1, Header(0, 4, generation: 4), received);
            Assert.Equal([1, 2, 3, 4], received);
            transport.Receive(1, Header(1, 4, generation: 4), received);
            Assert.Equal([5, 6, 7, 8], received);
        });
        transport.Cancel("done");
    }

    private static AsyncClientStreamingCall<Frame, ExchangeReply> Exchange(
        RpcClient client, int generation) =>
        new Distributed.Runtime.Protocol.DataPlane.DataPlaneClient(client.Invoker).Exchange(
            [
                .. new ExchangeIdentity(Job, generation, 1, 0).ToHeaders()
                    .Select(header => new Metadata.Entry(header.Name, header.Value)),
            ]);
}
