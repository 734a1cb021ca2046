using System.Buffers;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;

namespace Distributed.Runtime.DataPlane;

/// <summary>A frame that arrived before its receiver asked for it.</summary>
/// <param name="Header">What it says of itself.</param>
/// <param name="Buffer">From the shared pool.</param>
/// <param name="Length">Of the payload in the buffer.</param>
/// <param name="Uncredited">What the peer may send again once the frame is taken.</param>
internal readonly record struct HeldFrame(
    FrameHeader Header, byte[] Buffer, int Length, int Uncredited);

/// <summary>
/// A Frame on its way in, piece by piece: gRPC's prefix, the fields before the payload, and the
/// payload, which goes where its receiver wants it. The checksum is computed while the bytes are
/// in the cache.
/// </summary>
internal sealed class IncomingMessage
{
    private const int HeadBytesMax = OutgoingMessage.PrefixBytes + OutgoingMessage.HeadBytesMax;

    private readonly byte[] _head = GC.AllocateUninitializedArray<byte>(HeadBytesMax, pinned: true);
    private Part _part;
    private int _headBytes;
    private int _messageBytes;
    private FrameHeader _header;
    private int _payloadStart;
    private Memory<byte> _target;
    private byte[]? _buffer;
    private int _targetBytes;
    private int _uncredited;

    /// <summary>What a message consists of, in its order.</summary>
    private enum Part
    {
        Prefix,
        Head,

        /// <summary>The head did not tell all, so the whole message is collected.</summary>
        Whole,
        HeaderReady,
        Payload,
        Done,
    }

    internal ref readonly FrameHeader Header => ref _header;

    internal int PayloadBytes { get; private set; }

    /// <summary>Of the payload's bytes that are there.</summary>
    internal uint Checksum { get; private set; }

    /// <summary>Whether nothing of a message has come yet.</summary>
    internal bool IsBetween => _part == Part.Prefix && _headBytes == 0;

    /// <summary>Whether the payload waits for BeginPayload or BeginHeldPayload.</summary>
    internal bool IsHeaderReady => _part == Part.HeaderReady;

    internal bool IsWhole => _part == Part.Done;

    /// <summary>Whether the payload goes into a buffer of this object's own.</summary>
    internal bool IsHeld => _part is Part.Payload or Part.Done && _buffer is not null;

    /// <summary>Where the next bytes of the stream go; never empty.</summary>
    internal Span<byte> Wanted => _part switch
    {
        Part.Prefix => _head.AsSpan(_headBytes, OutgoingMessage.PrefixBytes - _headBytes),
        Part.Head => Head(_messageBytes)[HeadFilled..],
        _ => _target.Span[_targetBytes..],
    };

    private int HeadFilled => _headBytes - OutgoingMessage.PrefixBytes;

    /// <summary>
    /// The next bytes are there. Returns how many of them may be credited: those of a held payload
    /// wait until somebody takes it.
    /// </summary>
    internal int Advance(int count)
    {
        if (IsHeld)
        {
            _uncredited += count;
            Append(count);
            return 0;
        }

        switch (_part)
        {
            case Part.Prefix:
                _headBytes += count;
                if (_headBytes == OutgoingMessage.PrefixBytes) BeginHead();
                break;
            case Part.Head:
                _headBytes += count;
                if (HeadFilled == Head(_messageBytes).Length) ReadHead();
                break;
            case Part.Whole:
                _targetBytes += count;
                if (_targetBytes == _messageBytes) ReadWhole();
                break;
            default:
                Append(count);
                break;
        }

        return count;
    }

    internal void BeginHeldPayload()
    {
        var collected = _buffer;
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, PayloadBytes));
        Begin(_buffer.AsMemory(0, PayloadBytes), collected);
    }

    internal void BeginPayload(Memory<byte> destination)
    {
        var collected = _buffer;
        _buffer = null;
        Begin(destination, collected);
    }

    /// <summary>
    /// Takes a payload that is held to its receiver; returns how many bytes are to be credited.
    /// </summary>
    internal int MoveTo(Memory<byte> destination)
    {
        Invariant.Check(_buffer is not null, "a held payload has a buffer");
        _buffer.AsSpan(0, _targetBytes).CopyTo(destination.Span);
        _target = destination;
        ReturnBuffer();
        var uncredited = _uncredited;
        _uncredited = 0;
        return uncredited;
    }

    /// <summary>The held payload, whose buffer belongs to the caller from now on.</summary>
    internal HeldFrame TakeHeld()
    {
        Invariant.Check(_buffer is not null, "a held payload has a buffer");
        var frame = new HeldFrame(_header, _buffer, PayloadBytes, _uncredited);
        _buffer = null;
        return frame;
    }

    /// <summary>Begins with the next message.</summary>
    internal void Next()
    {
        (_part, _headBytes) = (Part.Prefix, 0);
        (_target, _targetBytes, _uncredited) = (default, 0, 0);
    }

    /// <summary>Drops what is there.</summary>
    internal void Forget()
    {
        ReturnBuffer();
        Next();
    }

    private Span<byte> Head(int bytes) => _head.AsSpan(
        OutgoingMessage.PrefixBytes, Math.Min(bytes, OutgoingMessage.HeadBytesMax));

    private void BeginHead()
    {
        _messageBytes = BlockingStream.MessageLength(_head);
        _part = Part.Head;
        if (_messageBytes == 0) ReadHead();
    }

    private void ReadHead()
    {
        var head = Head(_messageBytes);
        if (TryRead(head)) return;
        if (head.Length == _messageBytes)
            throw new InvalidDataException("the message ends in the middle of a field");
        _part = Part.Whole;
        _buffer = ArrayPool<byte>.Shared.Rent(_messageBytes);
        _target = _buffer.AsMemory(0, _messageBytes);
        head.CopyTo(_target.Span);
        _targetBytes = head.Length;
    }

    private void ReadWhole()
    {
        if (!TryRead(_target.Span))
            throw new InvalidDataException("the message ends in the middle of a field");
    }

    private bool TryRead(ReadOnlySpan<byte> bytes)
    {
        if (!FrameCodec.TryRead(
            bytes, _messageBytes, out _header, out _payloadStart, out var payloadBytes))
        {
            return false;
        }

        PayloadBytes = payloadBytes;
        _part = Part.HeaderReady;
        return true;
    }

    /// <summary>Brings what was read of the payload already to its place.</summary>
    private void Begin(Memory<byte> target, byte[]? collected)
    {
        var seen = collected is null
            ? Head(_messageBytes)
            : collected.AsSpan(0, _messageBytes);
        _part = Part.Payload;
        (_target, _targetBytes, Checksum) = (target, 0, 0);
        var start = Math.Min(_payloadStart, seen.Length);
        var count = Math.Min(seen.Length - start, PayloadBytes);
        seen.Slice(start, count).CopyTo(target.Span);
        if (collected is not null) ArrayPool<byte>.Shared.Return(collected);
        Append(count);
    }

    private void Append(int count)
    {
        Checksum = Crc32C.Append(
            Checksum, _target.Span.Slice(_targetBytes, count));
        _targetBytes += count;
        if (_targetBytes == PayloadBytes) _part = Part.Done;
    }

    private void ReturnBuffer()
    {
        if (_buffer is not null) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }
}
