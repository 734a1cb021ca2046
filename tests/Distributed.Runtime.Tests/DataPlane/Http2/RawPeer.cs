using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Distributed.Runtime.DataPlane.Http2;

namespace Distributed.Runtime.Tests.DataPlane.Http2;

/// <summary>A frame as it stood on the wire.</summary>
internal sealed record RawFrame(FrameType Type, FrameFlags Flags, int StreamId, byte[] Payload)
{
    /// <summary>Of GOAWAY and RST_STREAM.</summary>
    public Http2Error Error =>
        (Http2Error)BinaryPrimitives.ReadInt32BigEndian(Payload.AsSpan()[^4..]);
}

/// <summary>The other side of a connection, written by hand: it sends what it is told.</summary>
internal sealed class RawPeer : IDisposable
{
    private readonly Socket _socket;
    private readonly HpackDecoder _decoder = new(4096, 1 << 20);

    public RawPeer(Socket socket)
    {
        _socket = socket;
        _socket.NoDelay = true;
        _socket.ReceiveTimeout = 10_000;
    }

    public static RawPeer Connect(IPEndPoint address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address);
        return new RawPeer(socket);
    }

    /// <summary>A client that has introduced itself.</summary>
    public static RawPeer Introduce(IPEndPoint address)
    {
        var peer = Connect(address);
        peer.Send(Http2Limits.Preface);
        peer.Send(FrameType.Settings, 0, 0, []);
        return peer;
    }

    public static byte[] Frame(FrameType type, FrameFlags flags, int streamId, byte[] payload)
    {
        var bytes = new byte[Http2Limits.FrameHeaderBytes + payload.Length];
        new FrameHead(payload.Length, type, flags, streamId).Write(bytes);
        payload.CopyTo(bytes, Http2Limits.FrameHeaderBytes);
        return bytes;
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[_socket.Send(bytes)..];
    }

    public void Send(FrameType type, FrameFlags flags, int streamId, byte[] payload) =>
        Send(Frame(type, flags, streamId, payload));

    /// <summary>As <see cref="Send(ReadOnlySpan{byte})"/>, but whoever is told may close.</summary>
    public void TrySend(ReadOnlySpan<byte> bytes)
    {
        try
        {
            Send(bytes);
        }
        catch (SocketException)
        {
            // It has heard enough.
        }
    }

    /// <summary>The next frame, or null at the end.</summary>
    public RawFrame? Read()
    {
        var head = ReadBytes(Http2Limits.FrameHeaderBytes);
        if (head is null) return null;
        var frame = FrameHead.Read(head);
        return new RawFrame(
            frame.Type, frame.Flags, frame.StreamId, ReadBytes(frame.Length) ?? []);
    }

    /// <summary>The next frame of that type; others are passed over.</summary>
    public RawFrame ReadUntil(FrameType type)
    {
        while (true)
        {
            var frame = Read();
            Assert.True(frame is not null, $"the connection ended before a frame of type {type}");
            if (frame.Type == type && !IsAnswer(frame)) return frame;
        }
    }

    /// <summary>The next headers, decoded.</summary>
    public IReadOnlyList<HeaderField> ReadHeaders() =>
        _decoder.Decode(ReadUntil(FrameType.Headers).Payload);

    public byte[]? ReadBytes(int count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            int read;
            try
            {
                read = _socket.Receive(bytes, at, count - at, SocketFlags.None);
            }
            catch (SocketException reset) when (
                reset.SocketErrorCode == SocketError.ConnectionReset)
            {
                return null;
            }

            if (read == 0) return null;
            at += read;
        }

        return bytes;
    }

    public void Dispose() => _socket.Dispose();

    private static bool IsAnswer(RawFrame frame) =>
        frame.Type == FrameType.Settings && frame.Flags == FrameFlags.EndOrAcknowledge;
}
