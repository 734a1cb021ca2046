using System.Collections.Concurrent;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Protocol;
using Distributed.Training.Step;
using Google.Protobuf;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// Lets peers copy the state of this process's jobs: of the last committed step, as long as no
/// other step is committed. Thread-safe.
/// </summary>
internal sealed class StateServer
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>A layout names every tensor of a model.</summary>
    private const int RequestBytesMax = 1 << 24;

    private readonly ConcurrentDictionary<ulong, ModelState> _states = [];

    public void Offer(ulong job, ModelState state) => _states[job] = state;

    public void Withdraw(ulong job, ModelState state) =>
        _states.TryRemove(new KeyValuePair<ulong, ModelState>(job, state));

    /// <summary>Answers a FetchState call; blocks until all is sent.</summary>
    /// <exception cref="RpcException">The call is refused.</exception>
    /// <exception cref="IOException">The call's connection is no more.</exception>
    public void Serve(ServerCall call)
    {
        var stream = new BlockingStream(call.Connection, RequestBytesMax);
        if (stream.ReadMessage(out var message) != ReadEvent.Data)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "no request came"));
        var request = Parse(message);
        ModelState state = Find(request, out StateCounters counters);
        call.Begin();
        var head = new StateChunk
        {
            Head = new StateHead
            {
                ByteLength = state.ByteLength,
                EpochLossSum = counters.EpochLossSum,
                EpochCorrect = counters.EpochCorrect,
            },
        };
        if (stream.WriteMessage(head.ToByteArray(), default) && Copy(state, request.Step, stream))
            call.End(Status.DefaultSuccess);
        else
            call.Drop();
    }

    /// <summary>False where the caller does not want the rest.</summary>
    private static bool Copy(ModelState state, long step, BlockingStream stream)
    {
        var buffer = new byte[ChunkBytes];
        Span<byte> head = stackalloc byte[OutgoingMessage.HeadBytesMax];
        for (long offset = 0; offset < state.ByteLength; offset += ChunkBytes)
        {
            var chunk = buffer.AsMemory(0, (int)Math.Min(ChunkBytes, state.ByteLength - offset));
            if (!state.TryCopyTo(step, offset, chunk.Span))
            {
                throw new RpcException(new Status(
                    StatusCode.Aborted, $"the state after step {step} is gone"));
            }

            // The write is over before the buffer is filled again.
            var length = StateChunkCodec.WriteHead(chunk.Span, head);
            if (!stream.WriteMessage(head[..length], chunk)) return false;
        }

        return true;
    }

    private ModelState Find(FetchStateRequest request, out StateCounters counters)
    {
        if (!_states.TryGetValue(request.Job, out ModelState? state))
            throw Refused($"this worker does not work on job {request.Job:x16}");
        if (state.Layout != request.Layout)
            throw Refused("the state has another layout: all workers need the same model");
        counters = state.CountersAfter(request.Step) ?? throw Refused(
            $"expected to be asked for the state after step {state.Step}, not after step "
            + $"{request.Step}");
        return state;
    }

    private static FetchStateRequest Parse(ReadOnlySpan<byte> message)
    {
        try
        {
            return FetchStateRequest.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException wrong)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, wrong.Message));
        }
    }

    private static RpcException Refused(string reason) =>
        new(new Status(StatusCode.FailedPrecondition, reason));
}
