using System.Net.Sockets;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Torch;
using Distributed.Training.Step;
using Google.Protobuf;
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
        string address, RpcSecurity security, ulong job, long step, ModelState state,
        CancellationToken cancellation)
    {
        using var staging = new NativeBuffer(state.ByteLength);
        try
        {
            using var channel = ChannelDialer.Dial(address, security, cancellation);
            // Whoever waits for the socket then wakes.
            using var breaking = cancellation.Register(channel.Break);
            var request = new FetchStateRequest { Job = job, Step = step, Layout = state.Layout };
            StateHead head = Fetch(channel, address, security, request, staging);
            cancellation.ThrowIfCancellationRequested();
            state.CopyFrom(new StateCounters(step, head.EpochLossSum, head.EpochCorrect), staging);
        }
        catch (Exception failure) when (failure is
            IOException or RpcException or InvalidDataException or SocketException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new StateFetchException(
                $"the state after step {step} could not be copied from {address}: "
                + Reason(failure), failure);
        }
    }

    private static StateHead Fetch(
        ByteChannel channel, string address, RpcSecurity security, FetchStateRequest request,
        NativeBuffer staging)
    {
        using var connection = new Http2Connection(channel, isServer: false);
        connection.OpenStream(
            DataPlaneMethods.Request(DataPlaneMethods.FetchState, address, security, []),
            endStream: false);
        var stream = new BlockingStream(connection);
        stream.WriteMessage([], request.ToByteArray());
        connection.WriteEnd();
        StateHead? head = null;
        long received = 0;
        while (true)
        {
            switch (stream.ReadMessage(out var message))
            {
                case ReadEvent.Data:
                    var (first, checksum) = StateChunkCodec.Read(message, out var payload);
                    head ??= first;
                    Check(payload, checksum, staging.ByteLength - received, address);
                    payload.CopyTo(staging.AsSpan<byte>(received, payload.Length));
                    received += payload.Length;
                    break;
                case ReadEvent.Headers when GrpcStatus.Read(connection.Headers) is { } status:
                    if (status.StatusCode != StatusCode.OK) throw new RpcException(status);
                    return head is not null && received == staging.ByteLength
                        ? head
                        : throw new StateFetchException(
                            $"{address} sent {received} bytes of state: expected "
                            + $"{staging.ByteLength}");
                case ReadEvent.End or ReadEvent.Reset:
                    throw new IOException("it ended the call without a status");
            }
        }
    }

    private static void Check(
        ReadOnlySpan<byte> payload, uint checksum, long expectedBytesMax, string address)
    {
        if (payload.Length > expectedBytesMax)
            throw new StateFetchException($"{address} sent more than the bytes of this state");
        if (Crc32C.Compute(payload) != checksum)
        {
            throw new StateFetchException(
                $"a chunk of state from {address} does not have its checksum: expected "
                + $"{checksum:x8}");
        }
    }

    private static string Reason(Exception failure) => failure switch
    {
        TlsException distrust => $"it {distrust.Message}",
        RpcException refused => RpcErrors.Detail(refused),
        SocketException socket when RpcErrors.Unreachable(socket.SocketErrorCode) is { } text =>
            text + " that address",
        _ => failure.Message,
    };
}
