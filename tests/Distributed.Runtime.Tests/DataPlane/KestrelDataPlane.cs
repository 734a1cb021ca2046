using System.Collections.Concurrent;
using Distributed.Runtime.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>The data plane as generated code on Kestrel serves it: an ordinary peer.</summary>
internal sealed class KestrelDataPlane : Distributed.Runtime.Protocol.DataPlane.DataPlaneBase
{
    /// <summary>What came, by the job that it came for; tests choose jobs of their own.</summary>
    public static ConcurrentDictionary<ulong, ConcurrentQueue<Frame>> Frames { get; } = new();

    public override async Task<ExchangeReply> Exchange(
        IAsyncStreamReader<Frame> requestStream, ServerCallContext context)
    {
        var reply = new ExchangeReply();
        await foreach (var frame in requestStream.ReadAllAsync())
        {
            Frames.GetOrAdd(frame.Job, _ => []).Enqueue(frame);
            reply.Frames++;
            reply.PayloadBytes += frame.Payload.Length;
            if (frame.Step == 666)
                throw new RpcException(new Status(StatusCode.DataLoss, "überfüllt: 100 %"));
        }

        return reply;
    }

    public override async Task FetchState(
        FetchStateRequest request, IServerStreamWriter<StateChunk> responseStream,
        ServerCallContext context)
    {
        if (request.Step < 0)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, "no such step"));
        var payload = new byte[3_000_000];
        new Random((int)request.Step).NextBytes(payload);
        await responseStream.WriteAsync(new StateChunk
        {
            Head = new StateHead { ByteLength = payload.Length },
        });
        await responseStream.WriteAsync(new StateChunk
        {
            Checksum = Distributed.Kernel.Crc32C.Compute(payload),
            Payload = ByteString.CopyFrom(payload),
        });
    }
}
