using System.Buffers.Binary;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// The stream of a connection for a thread that may wait: whole gRPC messages in and out.
/// </summary>
/// <param name="connection">Not owned.</param>
/// <param name="messageBytesMax">Longer messages are refused.</param>
internal sealed class BlockingStream(
    Http2Connection connection, int messageBytesMax = BlockingStream.MessageBytesMax)
{
    /// <summary>No message is longer.</summary>
    internal const int MessageBytesMax = 64 * 1024 * 1024;

    /// <summary>The longest wait of one system call; then it looks whether to go on.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(30);

    private readonly OutgoingMessage _outgoing = new();
    private byte[] _message = new byte[256];

    internal Http2Connection Connection => connection;

    /// <summary>Waits for something on the stream.</summary>
    /// <exception cref="IOException">The connection is no more.</exception>
    internal ReadEvent Read(Span<byte> destination, out int count)
    {
        while (true)
        {
            var found = connection.Read(destination, out count);
            var flushed = connection.TryFlush();
            if (found != ReadEvent.Blocked) return found;
            Wait(forWriting: !flushed);
        }
    }

    /// <summary>
    /// Waits for a message, which stays valid until the next one. Returns Data and the message, or
    /// what came in its place.
    /// </summary>
    /// <exception cref="RpcException">The message is one that is not taken.</exception>
    internal ReadEvent ReadMessage(out ReadOnlySpan<byte> message)
    {
        message = default;
        Span<byte> prefix = stackalloc byte[OutgoingMessage.PrefixBytes];
        var found = Fill(prefix, mayEnd: true);
        if (found != ReadEvent.Data) return found;
        var length = MessageLength(prefix, messageBytesMax);
        if (_message.Length < length) _message = new byte[length];
        Fill(_message.AsSpan(0, length), mayEnd: false);
        message = _message.AsSpan(0, length);
        connection.Credit(prefix.Length + length);
        return ReadEvent.Data;
    }

    /// <summary>Waits until a message is sent; false when the stream was broken off.</summary>
    /// <param name="head">How the message begins.</param>
    /// <param name="payload">The rest of it.</param>
    internal bool WriteMessage(ReadOnlySpan<byte> head, ReadOnlyMemory<byte> payload)
    {
        head.CopyTo(_outgoing.Head);
        _outgoing.Set(head.Length, payload);
        Span<byte> ignored = stackalloc byte[64];
        while (true)
        {
            connection.WriteMessage(_outgoing);
            if (connection.TryFlush())
            {
                if (_outgoing.BytesLeft == 0) return true;
                if (connection.CanWriteData) continue;
            }

            // Windows open by what the other side sends.
            var found = connection.Read(ignored, out _);
            if (found == ReadEvent.Reset) return false;
            if (found == ReadEvent.Blocked && !connection.CanWriteData)
                Wait(forWriting: connection.HasOutput);
            else if (connection.HasOutput)
                Wait(forWriting: true);
        }
    }

    /// <summary>The length that a prefix announces.</summary>
    internal static int MessageLength(
        ReadOnlySpan<byte> prefix, int messageBytesMax = MessageBytesMax)
    {
        if (prefix[0] != 0)
        {
            throw new RpcException(new Status(
                StatusCode.Unimplemented, "a compressed message: expected identity encoding"));
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return length <= messageBytesMax
            ? (int)length
            : throw new RpcException(new Status(
                StatusCode.ResourceExhausted,
                $"a message of {length} bytes: expected {messageBytesMax} at most"));
    }

    private ReadEvent Fill(Span<byte> destination, bool mayEnd)
    {
        var filled = 0;
        while (filled < destination.Length)
        {
            var found = Read(destination[filled..], out var count);
            if (found == ReadEvent.Data)
                filled += count;
            else if (mayEnd && filled == 0)
                return found;
            else
                throw new IOException("it ended in the middle of a message");
        }

        return ReadEvent.Data;
    }

    private void Wait(bool forWriting) => connection.Channel.Wait(
        (short)(ByteChannel.Readable | (forWriting ? ByteChannel.Writable : 0)), Slice);
}
