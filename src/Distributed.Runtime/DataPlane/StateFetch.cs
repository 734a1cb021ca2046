using Distributed.Collectives.Transport;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Torch;
using Distributed.Training.Step;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>The state of a job could not be copied from a peer.</summary>
internal sealed class StateFetchException(string message, Exception? inner = null)
    : Exception(message, inner);

/// <summary>Copies the state of a job from the worker that holds it.</summary>
internal static class StateFetch
{
    /// <summary>
    /// Fetches the state after a step into a staging buffer, checks all of it, and only then makes
    /// it this worker's own: whole or not at all. Blocks.
    /// </summary>
    /// <exception cref="StateFetchException">The peer is gone, or does not hold it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Run(
        string address, ulong job, long step, ModelState state, CancellationToken cancellation)
    {
        using var staging = new NativeBuffer(state.ByteLength);
        StateCounters counters = FetchAsync(address, job, step, state.Layout, staging, cancellation)
            .GetAwaiter().GetResult();
        cancellation.ThrowIfCancellationRequested();
        state.CopyFrom(counters, staging);
    }

    private static async Task<StateCounters> FetchAsync(
        string address, ulong job, long step, string layout, NativeBuffer staging,
        CancellationToken cancellation)
    {
        using var client = new RpcClient(address);
        using var call = client.Invoker.AsyncServerStreamingCall(
            StateServer.FetchMethod, null, new CallOptions(cancellationToken: cancellation),
            new FetchStateRequest { Job = job, Step = step, Layout = layout });
        StateHead? head = null;
        long received = 0;
        try
        {
            while (await call.ResponseStream.MoveNext(cancellation))
            {
                StateChunk chunk = call.ResponseStream.Current;
                head ??= chunk.Head;
                received += Take(chunk, staging, received, address);
            }
        }
        catch (RpcException failure)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new StateFetchException(
                $"the state after step {step} could not be copied from {address}: "
                + RpcErrors.Detail(failure), failure);
        }

        return head is not null && received == staging.ByteLength
            ? new StateCounters(step, head.EpochLossSum, head.EpochCorrect)
            : throw new StateFetchException(
                $"{address} sent {received} bytes of state: expected {staging.ByteLength}");
    }

    private static int Take(
        StateChunk chunk, NativeBuffer staging, long received, string address)
    {
        ReadOnlySpan<byte> payload = chunk.Payload.Span;
        if (received + payload.Length > staging.ByteLength)
        {
            throw new StateFetchException(
                $"{address} sent more than the {staging.ByteLength} bytes of this state");
        }

        if (Checksum.Append(0, payload) != chunk.Checksum)
        {
            throw new StateFetchException(
                $"a chunk of state from {address} does not have its checksum: expected "
                + $"{chunk.Checksum:x8}");
        }

        payload.CopyTo(staging.AsSpan<byte>(received, payload.Length));
        return payload.Length;
    }
}
