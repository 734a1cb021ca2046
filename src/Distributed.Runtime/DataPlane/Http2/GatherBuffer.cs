using System.Buffers;
using System.Runtime.InteropServices;
using Distributed.Kernel;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// Bytes on their way to a socket: short ones are copied, payloads stay where they are, and all
/// of them go out by as few calls as the socket allows. Nothing is allocated per use.
/// </summary>
internal sealed unsafe class GatherBuffer : IDisposable
{
    private const int CopiedBytesMax = 64 * 1024;
    private const int PiecesMax = 512;

    private readonly byte* _copied = (byte*)NativeMemory.Alloc(CopiedBytesMax);
    private readonly MemoryPiece* _pieces =
        (MemoryPiece*)NativeMemory.Alloc(PiecesMax, (nuint)sizeof(MemoryPiece));

    private readonly MemoryHandle[] _pins = new MemoryHandle[PiecesMax];
    private int _copiedBytes;
    private int _pinCount;
    private int _first;
    private int _end;

    internal bool IsEmpty => _first == _end;

    /// <summary>
    /// Whether a frame of a payload may be added: half of the room stays for frames that a
    /// connection has to answer with.
    /// </summary>
    internal bool HasRoomForPayload => _end < PiecesMax / 2 && _copiedBytes < CopiedBytesMax / 2;

    /// <summary>Room for so many bytes, to be written before anything else happens here.</summary>
    /// <exception cref="Http2Exception">
    /// The other side asks for answers, but does not read them.
    /// </exception>
    internal Span<byte> Reserve(int bytes)
    {
        if (_copiedBytes + bytes > CopiedBytesMax || _end == PiecesMax)
        {
            throw new Http2Exception(
                Http2Error.EnhanceYourCalm, "more questions than it takes answers to");
        }

        var start = _copied + _copiedBytes;
        _copiedBytes += bytes;
        if (_end > _first && _pieces[_end - 1].Start + _pieces[_end - 1].Length == start)
            _pieces[_end - 1].Length += (nuint)bytes;
        else
            _pieces[_end++] = new MemoryPiece { Start = start, Length = (nuint)bytes };
        return new Span<byte>(start, bytes);
    }

    /// <summary>The memory must not change until <see cref="SendTo"/> has returned true.</summary>
    internal void Add(ReadOnlyMemory<byte> memory)
    {
        if (memory.IsEmpty) return;
        Invariant.Check(_end < PiecesMax, "payloads leave room for answers");
        var pin = memory.Pin();
        _pins[_pinCount++] = pin;
        _pieces[_end++] = new MemoryPiece
        {
            Start = (byte*)pin.Pointer,
            Length = (nuint)memory.Length,
        };
    }

    /// <summary>True when everything has been handed to the socket.</summary>
    internal bool SendTo(ByteChannel channel)
    {
        while (_first < _end)
        {
            var sent = channel.Send(_pieces + _first, _end - _first);
            if (sent == ByteChannel.WouldWait) return false;
            for (var left = (nuint)sent; left > 0;)
            {
                var piece = _pieces + _first;
                var taken = Math.Min(left, piece->Length);
                piece->Start += taken;
                piece->Length -= taken;
                left -= taken;
                if (piece->Length == 0) _first++;
            }
        }

        Clear();
        return true;
    }

    /// <summary>Forgets what is left. When it returns, no payload is read any more.</summary>
    internal void Clear()
    {
        for (; _pinCount > 0; _pinCount--)
            _pins[_pinCount - 1].Dispose();
        (_first, _end, _copiedBytes) = (0, 0, 0);
    }

    public void Dispose()
    {
        Clear();
        NativeMemory.Free(_copied);
        NativeMemory.Free(_pieces);
    }
}
