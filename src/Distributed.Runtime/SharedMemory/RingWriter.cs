using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// What this rank sends to one peer. A frame that fits goes into the ring at once, on the caller's
/// thread; the others are queued by reference, and a thread that only then exists moves them on as
/// the peer reads.
/// </summary>
internal sealed class RingWriter
{
    /// <summary>
    /// The queue holds references, not payloads, and Send must not wait (every rank may send all
    /// before it receives anything), so the bound is there to catch a caller who never flushes.
    /// </summary>
    internal const int QueuedFramesMax = 1 << 16;

    /// <summary>The reader copies one piece while the writer copies the next.</summary>
    internal const int PieceBytesMax = 64 * 1024;

    private readonly object _gate = new();
    private readonly Queue<QueuedFrame> _queue = new();
    private readonly RingSegment _segment;
    private readonly Action _examinePeer;
    private readonly Action _neverOpened;
    private readonly int _pieceBytes;
    private Thread? _pump;
    private long _position;
    private long _queued;
    private long _handed;
    private bool _closing;
    private bool _released;
    private Exception? _failure;

    /// <param name="segment">Owned from now on.</param>
    /// <param name="examinePeer">Looks whether the peer has left, and then calls Fail.</param>
    /// <param name="neverOpened">Reports a peer that did not come, and then calls Fail.</param>
    internal RingWriter(RingSegment segment, Action examinePeer, Action neverOpened)
    {
        (_segment, _examinePeer, _neverOpened) = (segment, examinePeer, neverOpened);
        _pieceBytes = Math.Min(PieceBytesMax, segment.RingBytes / 4);
    }

    /// <summary>What the peer says about itself.</summary>
    internal (SideState State, string Reason) AskPeer()
    {
        lock (_gate) return _released ? (SideState.Open, "") : _segment.Reader.Ask();
    }

    internal void Send(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        lock (_gate)
        {
            if (_failure is not null) throw Failures.Again(_failure);
            Invariant.Check(!_closing, "nothing is sent after the transport was disposed");
            Invariant.Check(
                _queued - _handed < QueuedFramesMax,
                "a rank flushes before it has queued 65536 frames to one peer");
            _queued++;
            var used = _position - _segment.Read.Position;
            var fits = used + RingSegment.FrameBytes(payload.Length) <= _segment.RingBytes;
            if (fits && _queue.Count == 0)
            {
                Write(new QueuedFrame(header, payload));
                return;
            }

            _queue.Enqueue(new QueuedFrame(header, payload));
            _pump ??= StartPump();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Blocks until all that was queued before is in the ring.</summary>
    internal void Flush(TimeSpan openTimeout)
    {
        var target = Volatile.Read(ref _queued);
        var deadline = Environment.TickCount64 + (long)openTimeout.TotalMilliseconds;
        while (!AwaitHanded(target))
            if (Environment.TickCount64 >= deadline && AskPeer().State == SideState.Absent)
                _neverOpened();
    }

    /// <summary>
    /// Waits until all that was sent is in the ring and the peer has it open: it can read that
    /// even when this process is gone. Then ends in order. False when it did not come to that.
    /// </summary>
    internal bool Close(long deadlineTickCount)
    {
        const int LookMs = 5;
        lock (_gate)
        {
            _closing = true;
            Monitor.PulseAll(_gate);
            while (_handed < _queued || (_queued > 0 && _segment.Reader.State == SideState.Absent))
            {
                if (_failure is not null || Environment.TickCount64 >= deadlineTickCount)
                    return false;
                Monitor.Wait(_gate, LookMs);
            }

            Tell(SideState.Closed, "");
            return true;
        }
    }

    /// <summary>
    /// Fails blocked and later calls with this. When it returns, no payload is read any more.
    /// </summary>
    internal void Fail(Exception failure)
    {
        lock (_gate)
        {
            if (_released) return;
            _failure ??= failure;
            Monitor.PulseAll(_gate);
            _segment.Read.Wake();
        }
    }

    /// <summary>As <see cref="Fail"/>, and tells the peer why.</summary>
    internal void Cancel(Exception failure, string reason)
    {
        lock (_gate)
        {
            if (_released) return;
            _failure = failure;
            Tell(SideState.Left, reason);
            Fail(failure);
        }
    }

    /// <summary>Frees the memory, after a failure or Close. Waits for the thread inside.</summary>
    internal void Release()
    {
        _pump?.Join();
        lock (_gate)
        {
            if (_released) return;
            _released = true;
            if (_segment.Reader.State == SideState.Absent) File.Delete(_segment.Path);
            _segment.Dispose();
        }
    }

    private bool AwaitHanded(long target)
    {
        lock (_gate)
        {
            if (_failure is CollectiveCancelledException) throw Failures.Again(_failure);
            if (_handed < target && _failure is null)
                Monitor.Wait(_gate, TimeSpan.FromSeconds(1));
            if (_handed >= target) return true;
            return _failure is null ? false : throw Failures.Again(_failure);
        }
    }

    private void Tell(SideState state, string reason)
    {
        _segment.Writer.Go(state, reason);
        _segment.Written.Wake();
    }

    private Thread StartPump()
    {
        var thread = new Thread(MoveQueued) { IsBackground = true, Name = "shared-memory-sender" };
        thread.Start();
        return thread;
    }

    private void MoveQueued()
    {
        while (true)
        {
            QueuedFrame frame;
            lock (_gate)
            {
                while (_queue.Count == 0 && !_closing && _failure is null) Monitor.Wait(_gate);
                if (_queue.Count == 0 || _failure is not null) return;
                frame = _queue.Peek();
            }

            if (!Write(frame)) return;
        }
    }

    /// <summary>
    /// Copies a frame piece by piece, waiting for room without the gate. False after a failure.
    /// </summary>
    private bool Write(in QueuedFrame frame)
    {
        var bytes = frame.Payload.Length;
        var start = _position + RingSegment.FrameHeadBytes;
        if (!AwaitRoom(start)) return false;
        _segment.HeadAt(_position) = new FrameHead(frame.Header, bytes);
        var (copied, checksum) = (0, 0u);
        for (; bytes - copied > _pieceBytes; copied += _pieceBytes)
        {
            if (!AwaitRoom(start + copied + _pieceBytes)) return false;
            lock (_gate)
            {
                if (_failure is not null) return false;
                var piece = frame.Payload.Span.Slice(copied, _pieceBytes);
                checksum = _segment.CopyIn(checksum, start + copied, piece);
                _segment.Written.AdvanceTo(start + copied + _pieceBytes);
            }
        }

        if (!AwaitRoom(_position + RingSegment.FrameBytes(bytes))) return false;
        lock (_gate)
        {
            if (_failure is not null) return false;
            checksum = _segment.CopyIn(checksum, start + copied, frame.Payload.Span[copied..]);
            _segment.ChecksumAt(start + RingSegment.TailOffset(bytes)) = checksum;
            Finish(_position + RingSegment.FrameBytes(bytes));
            return true;
        }
    }

    /// <summary>
    /// In one go with the count of frames, so that a peer that has read its last frame and left
    /// does not make a Flush fail.
    /// </summary>
    private void Finish(long end)
    {
        _position = end;
        _segment.Written.AdvanceTo(end);
        _handed++;
        if (_queue.Count == 0) return;
        _queue.Dequeue();
        Monitor.PulseAll(_gate);
    }

    /// <summary>Waits until the ring can hold all up to this position.</summary>
    private bool AwaitRoom(long end)
    {
        var read = _segment.Read;
        var target = end - _segment.RingBytes;
        if (read.SpinUntil(target)) return true;
        while (true)
        {
            var ticket = read.Announce(target);
            if (read.Position >= target || Volatile.Read(ref _failure) is not null) break;
            if (_segment.Reader.State is SideState.Closed or SideState.Left)
            {
                _examinePeer();
                break;
            }

            read.Sleep(ticket);
        }

        read.Withdraw();
        return read.Position >= target;
    }

    private readonly record struct QueuedFrame(FrameHeader Header, ReadOnlyMemory<byte> Payload);
}
