using System.Buffers;
using Distributed.Collectives.Transport;
using Distributed.Kernel;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// What one peer sends to this rank. A frame goes straight into the destination of a waiting
/// Receive; without one it is held in a pooled buffer, up to a bound, beyond which the stream is
/// not read and the peer is held back by HTTP/2's flow control.
/// </summary>
internal sealed class PeerInbox(int fromRank, int toRank)
{
    internal const int HeldBytesMax = 8 * 1024 * 1024;

    internal const int HeldFramesMax = 1024;

    // The marshaller belongs to the method, not to a call, so the call says here whose it is.
    private static readonly AsyncLocal<PeerInbox?> CurrentCall = new();

    private readonly object _gate = new();
    private readonly Queue<HeldFrame> _held = new();
    private long _heldBytes;
    private TaskCompletionSource? _roomWanted;

    private bool _posted;
    private bool _filled;
    private bool _filling;
    private FrameHeader _expected;
    private Memory<byte> _destination;

    private Exception? _failure;
    private bool _cancelled;

    internal static PeerInbox OfThisCall
    {
        get
        {
            var inbox = CurrentCall.Value;
            Invariant.Check(inbox is not null, "a frame is read within the call that carries it");
            return inbox;
        }
    }

    internal long Frames { get; private set; }

    internal long PayloadBytes { get; private set; }

    /// <summary>Frames read by the calling method, after this, are delivered here.</summary>
    internal void EnterCall() => CurrentCall.Value = this;

    internal void Receive(in FrameHeader expected, Memory<byte> destination)
    {
        HeldFrame frame;
        lock (_gate)
        {
            Invariant.Check(!_posted, "one thread at a time receives from a peer");
            (_posted, _filled, _expected, _destination) = (true, false, expected, destination);
            try
            {
                while (!_filled && _held.Count == 0 && _failure is null) Monitor.Wait(_gate);
                // A cancel may come while a frame is copied: the memory is in use until it ends.
                while (_filling) Monitor.Wait(_gate);
            }
            finally
            {
                (_posted, _destination) = (false, default);
            }

            if (_cancelled) throw Failures.Again(_failure!);
            if (_filled) return;
            if (_held.Count == 0) throw Failures.Again(_failure!);
            frame = TakeHeld();
        }

        Open(frame, expected, destination.Span);
    }

    /// <summary>Takes one message as it lies in the connection's buffers.</summary>
    internal PeerInbox Deliver(in ReadOnlySequence<byte> message)
    {
        var header = FrameCodec.Read(message, out var payload);
        Memory<byte> destination = default;
        bool direct;
        lock (_gate)
        {
            if (_failure is not null) throw Failures.Again(_failure);
            direct = _posted && !_filled && _held.Count == 0;
            if (direct)
            {
                if (Refusal(header, _expected, payload.Length, _destination.Length) is { } refusal)
                    throw FailWith(refusal);
                destination = _destination;
                _filling = true;
            }
        }

        if (direct) Fill(header, payload, destination.Span);
        else Hold(header, payload);
        Frames++;
        PayloadBytes += payload.Length;
        return this;
    }

    /// <summary>Done when another frame may be held.</summary>
    internal Task RoomAsync()
    {
        lock (_gate)
        {
            if (_failure is not null || HasRoom) return Task.CompletedTask;
            _roomWanted ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _roomWanted.Task;
        }
    }

    /// <summary>
    /// Receives that find nothing held fail with this from now on; the first failure stays.
    /// </summary>
    internal void Fail(Exception failure)
    {
        lock (_gate) FailWith(failure);
    }

    /// <summary>
    /// As <see cref="Fail"/>, but held frames are dropped as well, and when it returns no memory
    /// of a receiver is written any more.
    /// </summary>
    internal void Cancel(Exception failure)
    {
        lock (_gate)
        {
            if (_cancelled) return;
            _cancelled = true;
            _failure = failure;
            FailWith(failure);
            while (_held.Count > 0) ArrayPool<byte>.Shared.Return(_held.Dequeue().Buffer);
            while (_filling) Monitor.Wait(_gate);
        }
    }

    private bool HasRoom => _heldBytes < HeldBytesMax && _held.Count < HeldFramesMax;

    private void Fill(in FrameHeader header, in ReadOnlySequence<byte> payload, Span<byte> target)
    {
        var checksum = Copy(payload, target);
        lock (_gate)
        {
            _filling = false;
            Monitor.PulseAll(_gate);
            if (checksum != header.Checksum) throw FailWith(WrongChecksum(header, checksum));
            _filled = true;
        }
    }

    private void Hold(in FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        var length = checked((int)payload.Length);
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        var checksum = Copy(payload, buffer);
        lock (_gate)
        {
            if (_failure is null && checksum == header.Checksum)
            {
                _held.Enqueue(new HeldFrame(header, buffer, length));
                _heldBytes += length;
                Monitor.PulseAll(_gate);
                return;
            }

            ArrayPool<byte>.Shared.Return(buffer);
            throw FailWith(WrongChecksum(header, checksum));
        }
    }

    private HeldFrame TakeHeld()
    {
        var frame = _held.Dequeue();
        _heldBytes -= frame.Length;
        if (_roomWanted is not null && HasRoom)
        {
            _roomWanted.SetResult();
            _roomWanted = null;
        }

        return frame;
    }

    private void Open(in HeldFrame frame, in FrameHeader expected, Span<byte> destination)
    {
        var refusal = Refusal(frame.Header, expected, frame.Length, destination.Length);
        if (refusal is null) frame.Buffer.AsSpan(0, frame.Length).CopyTo(destination);
        ArrayPool<byte>.Shared.Return(frame.Buffer);
        if (refusal is null) return;
        Fail(refusal);
        throw refusal;
    }

    /// <summary>Records the failure under the gate and returns the one that counts.</summary>
    private Exception FailWith(Exception failure)
    {
        _failure ??= failure;
        _roomWanted?.SetResult();
        _roomWanted = null;
        Monitor.PulseAll(_gate);
        return Failures.Again(_failure);
    }

    private FrameRefusedException? Refusal(
        in FrameHeader header, in FrameHeader expected, long payloadBytes, int expectedBytes) =>
        header.RefusalAgainst(expected, fromRank, toRank)
        ?? (payloadBytes == expectedBytes
            ? null
            : new FrameRefusedException(
                fromRank, toRank, "payload bytes", $"{expectedBytes}", $"{payloadBytes}"));

    private FrameRefusedException WrongChecksum(in FrameHeader header, uint checksum) => new(
        fromRank, toRank, "checksum", $"{header.Checksum:x8}", $"{checksum:x8}");

    private static uint Copy(in ReadOnlySequence<byte> source, Span<byte> destination)
    {
        var checksum = 0u;
        foreach (var piece in source)
        {
            checksum = Checksum.CopyAndAppend(checksum, piece.Span, destination);
            destination = destination[piece.Length..];
        }

        return checksum;
    }

    private readonly record struct HeldFrame(FrameHeader Header, byte[] Buffer, int Length);
}
