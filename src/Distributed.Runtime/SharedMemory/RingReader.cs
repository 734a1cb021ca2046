using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// What one peer sends to this rank. A frame goes from the ring straight into the destination of
/// a Receive; until then it stays in the ring, and the peer is held back when that is full.
/// </summary>
internal sealed class RingReader(
    int fromRank, int toRank, string path, Action examinePeer, Action neverOpened)
{
    private readonly object _gate = new();
    private RingSegment? _segment;
    private long _position;
    private bool _receiving;
    private bool _unreadable;
    private Exception? _failure;

    /// <summary>What the peer says about itself; Absent until this has its file open.</summary>
    internal (SideState State, string Reason) AskPeer()
    {
        lock (_gate) return _segment?.Writer.Ask() ?? (SideState.Absent, "");
    }

    /// <summary>True once the peer's file is open, or will not be needed any more.</summary>
    /// <exception cref="InvalidDataException">The file is not a ring.</exception>
    internal bool TryAttach()
    {
        lock (_gate)
        {
            if (_segment is not null || _failure is not null) return true;
            _segment = RingSegment.TryAttach(path);
            Monitor.PulseAll(_gate);
            return _segment is not null;
        }
    }

    internal void Receive(in FrameHeader expected, Memory<byte> destination, TimeSpan openTimeout)
    {
        lock (_gate)
        {
            Invariant.Check(!_receiving, "one thread at a time receives from a peer");
            _receiving = true;
        }

        try
        {
            Read(Attached(openTimeout), expected, destination.Span);
        }
        finally
        {
            lock (_gate)
            {
                _receiving = false;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>
    /// Receives that find no whole frame fail with this from now on; the first failure stays.
    /// </summary>
    internal void Fail(Exception failure)
    {
        lock (_gate)
        {
            _failure ??= failure;
            Monitor.PulseAll(_gate);
            _segment?.Written.Wake();
        }
    }

    /// <summary>
    /// As <see cref="Fail"/>, but what is in the ring is not read, and the peer is told. When it
    /// returns, no memory of a receiver is written any more.
    /// </summary>
    internal void Cancel(Exception failure, string reason)
    {
        lock (_gate)
        {
            (_failure, _unreadable) = (failure, true);
            Tell(SideState.Left, reason);
            Fail(failure);
        }
    }

    /// <summary>Tells the peer that this side has ended in order.</summary>
    internal void Close()
    {
        lock (_gate) Tell(SideState.Closed, "");
    }

    /// <summary>Frees the memory, after Cancel. Waits for the Receive inside.</summary>
    internal void Release()
    {
        lock (_gate)
        {
            while (_receiving) Monitor.Wait(_gate);
            _segment?.Dispose();
            _segment = null;
        }
    }

    private void Tell(SideState state, string reason)
    {
        _segment?.Reader.Go(state, reason);
        _segment?.Read.Wake();
    }

    private RingSegment Attached(TimeSpan openTimeout)
    {
        var deadline = Environment.TickCount64 + (long)openTimeout.TotalMilliseconds;
        while (true)
        {
            lock (_gate)
            {
                if (_unreadable) throw Failures.Again(_failure!);
                if (_segment is not null) return _segment;
                if (_failure is not null) throw Failures.Again(_failure);
                var left = deadline - Environment.TickCount64;
                if (left > 0 && Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left))) continue;
                if (_segment is not null) continue;
            }

            neverOpened();
        }
    }

    private void Read(RingSegment segment, in FrameHeader expected, Span<byte> destination)
    {
        var start = _position + RingSegment.FrameHeadBytes;
        AwaitWritten(segment, start);
        var head = segment.HeadAt(_position);
        if (Refusal(head, expected, destination.Length) is { } refusal) throw Refuse(refusal);
        var pieceBytes = Math.Min(RingWriter.PieceBytesMax, segment.RingBytes / 4);
        var end = _position + RingSegment.FrameBytes(destination.Length);
        var (copied, checksum) = (0, 0u);
        for (; destination.Length - copied > pieceBytes; copied += pieceBytes)
        {
            AwaitWritten(segment, start + copied + pieceBytes);
            var piece = destination.Slice(copied, pieceBytes);
            checksum = Copy(segment, checksum, start + copied, piece);
            segment.Read.AdvanceTo(start + copied + pieceBytes);
        }

        AwaitWritten(segment, end);
        checksum = Copy(segment, checksum, start + copied, destination[copied..]);
        var sent = segment.ChecksumAt(start + RingSegment.TailOffset(destination.Length));
        if (sent != checksum)
        {
            throw Refuse(new FrameRefusedException(
                fromRank, toRank, "checksum", $"{sent:x8}", $"{checksum:x8}"));
        }

        _position = end;
        segment.Read.AdvanceTo(end);
    }

    /// <summary>Under the gate, so that Cancel can wait for the end of it.</summary>
    private uint Copy(RingSegment segment, uint checksum, long position, Span<byte> destination)
    {
        lock (_gate)
        {
            if (_unreadable) throw Failures.Again(_failure!);
            return segment.CopyOut(checksum, position, destination);
        }
    }

    /// <summary>Waits until the ring holds all up to this position.</summary>
    private void AwaitWritten(RingSegment segment, long target)
    {
        var written = segment.Written;
        if (written.SpinUntil(target)) return;
        while (true)
        {
            var ticket = written.Announce(target);
            // The peer's state before the count: who has closed writes no more.
            var state = segment.Writer.State;
            if (written.Position >= target || Volatile.Read(ref _failure) is not null) break;
            if (state is SideState.Closed or SideState.Left)
            {
                examinePeer();
                break;
            }

            written.Sleep(ticket);
        }

        written.Withdraw();
        if (Volatile.Read(ref _unreadable) || written.Position < target)
            throw Failures.Again(_failure!);
    }

    private FrameRefusedException Refuse(FrameRefusedException refusal)
    {
        lock (_gate)
        {
            // What follows in the ring cannot be told from this frame's payload any more.
            _failure ??= refusal;
            _unreadable = true;
        }

        return refusal;
    }

    private FrameRefusedException? Refusal(
        in FrameHead head, in FrameHeader expected, int expectedBytes) =>
        head.Header.RefusalAgainst(expected, fromRank, toRank)
        ?? (head.PayloadBytes == expectedBytes
            ? null
            : new FrameRefusedException(
                fromRank, toRank, "payload bytes", $"{expectedBytes}", $"{head.PayloadBytes}"));
}
