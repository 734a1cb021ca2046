using System.Buffers.Binary;
using Distributed.Kernel;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// A gRPC message on its way out: the prefix that says its length, the beginning of its protobuf
/// form, and a payload that stays where it is.
/// </summary>
internal sealed class OutgoingMessage
{
    internal const int PrefixBytes = 5;

    internal const int HeadBytesMax = 128;

    private readonly byte[] _head = new byte[PrefixBytes + HeadBytesMax];
    private ReadOnlyMemory<byte> _payload;
    private int _headBytes;
    private int _position;

    /// <summary>Where the protobuf form begins, to be written before <see cref="Set"/>.</summary>
    internal Span<byte> Head => _head.AsSpan(PrefixBytes);

    internal int BytesLeft => _headBytes + _payload.Length - _position;

    /// <param name="headBytes">How many bytes of <see cref="Head"/> were written.</param>
    /// <param name="payload">The rest of the protobuf form.</param>
    internal void Set(int headBytes, ReadOnlyMemory<byte> payload)
    {
        Invariant.Check(headBytes <= HeadBytesMax, "a message's head fits its room");
        BinaryPrimitives.WriteInt32BigEndian(_head.AsSpan(1), headBytes + payload.Length);
        (_headBytes, _payload, _position) = (PrefixBytes + headBytes, payload, 0);
    }

    internal void Forget() => (_headBytes, _payload, _position) = (0, default, 0);

    /// <summary>Moves the next bytes behind a frame's header.</summary>
    internal void MoveTo(GatherBuffer output, int bytes)
    {
        var fromHead = Math.Clamp(_headBytes - _position, 0, bytes);
        if (fromHead > 0)
            _head.AsSpan(_position, fromHead).CopyTo(output.Reserve(fromHead));
        var at = Math.Max(0, _position - _headBytes);
        output.Add(_payload.Slice(at, bytes - fromHead));
        _position += bytes;
    }
}
