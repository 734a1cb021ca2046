using System.Collections.Concurrent;
using Distributed.Collectives.Transport;
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

    internal static readonly Method<FetchStateRequest, StateChunk> FetchMethod = new(
        MethodType.ServerStreaming, Protocol.DataPlane.Descriptor.FullName, "FetchState",
        Marshallers.Create(
            request => request.ToByteArray(), FetchStateRequest.Parser.ParseFrom),
        Marshallers.Create(chunk => chunk.ToByteArray(), StateChunk.Parser.ParseFrom));

    private readonly ConcurrentDictionary<ulong, ModelState> _states = [];

    public void Offer(ulong job, ModelState state) => _states[job] = state;

    public void Withdraw(ulong job, ModelState state) =>
        _states.TryRemove(new KeyValuePair<ulong, ModelState>(job, state));

    public async Task FetchAsync(
        FetchStateRequest request, IServerStreamWriter<StateChunk> chunks,
        ServerCallContext context)
    {
        if (!_states.TryGetValue(request.Job, out ModelState? state))
            throw Refused($"this worker does not work on job {request.Job:x16}");
        if (state.Layout != request.Layout)
            throw Refused("the state has another layout: all workers need the same model");
        if (state.CountersAfter(request.Step) is not { } counters)
        {
            throw Refused(
                $"expected to be asked for the state after step {state.Step}, not after step "
                + $"{request.Step}");
        }

        await chunks.WriteAsync(new StateChunk
        {
            Head = new StateHead
            {
                ByteLength = state.ByteLength,
                EpochLossSum = counters.EpochLossSum,
                EpochCorrect = counters.EpochCorrect,
            },
        });
        var buffer = new byte[ChunkBytes];
        for (long offset = 0; offset < state.ByteLength; offset += ChunkBytes)
        {
            int count = (int)Math.Min(ChunkBytes, state.ByteLength - offset);
            if (!state.TryCopyTo(request.Step, offset, buffer.AsSpan(0, count)))
            {
                throw new RpcException(new Status(
                    StatusCode.Aborted, $"the state after step {request.Step} is gone"));
            }

            // The write is over before the buffer is filled again.
            await chunks.WriteAsync(new StateChunk
            {
                Checksum = Checksum.Append(0, buffer.AsSpan(0, count)),
                Payload = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, count)),
            });
            context.CancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static RpcException Refused(string reason) =>
        new(new Status(StatusCode.FailedPrecondition, reason));
}
