using System.Globalization;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Rpc;
using Google.Protobuf;
using Grpc.Core;
using Xunit.Abstractions;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: both ends of our data plane speak with any gRPC peer. Method: Kestrel and grpcio as the
/// server that a transport sends to, and Grpc.Net.Client as the client of our server.
/// </summary>
public sealed class OrdinaryPeerTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(10);

    private static readonly int[] PayloadSizes = [0, 1, 100, 16_384, 70_000, 5_000_003];

    [Fact]
    public async Task KestrelTakesOurFrames()
    {
        const ulong OwnJob = 4001;
        await using var server = await RpcServer.StartAsync(
            "127.0.0.1:0", _ => { },
            endpoints => endpoints.Map<KestrelDataPlane>(
                Distributed.Runtime.Protocol.DataPlane.Descriptor),
            RpcSecurity.None);
        var transport = Open(server.Target, OwnJob);
        var payloads = PayloadSizes.Select(Noise).ToArray();
        await OnThread(() => SendAll(transport, OwnJob, payloads));
        var frames = KestrelDataPlane.Frames[OwnJob].ToArray();
        Assert.Equal(payloads.Length, frames.Length);
        for (var step = 0; step < payloads.Length; step++)
        {
            Assert.Equal(step, frames[step].Step);
            Assert.Equal(payloads[step].Length, frames[step].Length);
            Assert.True(frames[step].Payload.Span.SequenceEqual(payloads[step]));
            Assert.Equal(Crc32C.Compute(payloads[step]), frames[step].Checksum);
        }
    }

    [Fact]
    public async Task KestrelsRefusalIsTheReasonOfTheLoss()
    {
        await using var server = await RpcServer.StartAsync(
            "127.0.0.1:0", _ => { },
            endpoints => endpoints.Map<KestrelDataPlane>(
                Distributed.Runtime.Protocol.DataPlane.Descriptor),
            RpcSecurity.None);
        using var transport = Open(server.Target, 4002);
        transport.Send(1, Header(666, 0) with { Job = 4002 }, ReadOnlyMemory<byte>.Empty);
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transport.Receive(1, Header(0, 1), new byte[1])).WaitAsync(Moment));
        Assert.Equal("überfüllt: 100 %", lost.Reason);
    }

    [Fact]
    public async Task AServerWithoutTheMethodIsALostPeer()
    {
        await using var server = await RpcServer.StartAsync(
            "127.0.0.1:0", _ => { }, _ => { }, RpcSecurity.None);
        using var transport = Open(server.Target, 4003);
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transport.Receive(1, Header(0, 1), new byte[1])).WaitAsync(Moment));
        Assert.Contains("unimplemented", lost.Reason, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task GrpcioTakesOurFrames()
    {
        if (PythonPeer.IsMissing(output)) return;
        const ulong OwnJob = 4004;
        using var process = PythonPeer.StartScript("DataPlane/frame_server.py");
        try
        {
            var line = await process.StandardOutput.ReadLineAsync();
            var port = int.Parse(line!, CultureInfo.InvariantCulture);
            var transport = Open($"127.0.0.1:{port}", OwnJob);
            var payloads = PayloadSizes.Select(Noise).ToArray();
            await OnThread(() => SendAll(transport, OwnJob, payloads));
            var got = await process.StandardOutput.ReadLineAsync().WaitAsync(Moment);
            Assert.Equal(
                string.Join(' ', payloads.Select(payload => Crc32C.Compute(payload))), got);
        }
        finally
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(5_000)) process.Kill();
        }
    }

    [Fact]
    public async Task OrdinaryClientsSendFramesOfAnySize()
    {
        await using var cluster = await StartAsync(2);
        using var transport = cluster.Open(0);
        using var client = new RpcClient(cluster.Addresses[0], RpcSecurity.None);
        using var call = new Distributed.Runtime.Protocol.DataPlane.DataPlaneClient(client.Invoker)
            .Exchange(
            [
                .. new ExchangeIdentity(Job, 0, 1, 0).ToHeaders()
                    .Select(header => new Metadata.Entry(header.Name, header.Value)),
            ]);
        var payloads = PayloadSizes.Select(Noise).ToArray();
        var receiving = OnThread(() =>
        {
            for (var step = 0; step < payloads.Length; step++)
            {
                var received = new byte[payloads[step].Length];
                transport.Receive(1, Header(step, received.Length), received);
                Assert.True(received.AsSpan().SequenceEqual(payloads[step]));
            }
        });
        for (var step = 0; step < payloads.Length; step++)
        {
            var header = Header(step, payloads[step].Length) with
            {
                Checksum = Crc32C.Compute(payloads[step]),
            };
            await call.RequestStream.WriteAsync(FrameCodecTests.FrameOf(header, payloads[step]));
        }

        await receiving.WaitAsync(Moment);
        await call.RequestStream.CompleteAsync();
        var reply = await call.ResponseAsync.WaitAsync(Moment);
        Assert.Equal(
            (payloads.Length, PayloadSizes.Sum()), ((int)reply.Frames, (int)reply.PayloadBytes));
        transport.Cancel("done");
    }

    /// <summary>Rank 0 of two; the other is nobody that ever sends.</summary>
    private static GrpcTransport Open(string address, ulong job) =>
        new DataPlaneHub(RpcSecurity.None).Open(job, 0, 0, ["127.0.0.1:1", address]);

    private static void SendAll(GrpcTransport transport, ulong job, byte[][] payloads)
    {
        for (var step = 0; step < payloads.Length; step++)
        {
            var header = Header(step, payloads[step].Length) with { Job = job };
            transport.Send(1, header, payloads[step]);
        }

        transport.Flush();
        transport.Dispose();
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
