using System.Buffers;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// What one peer sends to this rank. A payload goes from the socket straight into the destination
/// of a waiting Receive; without one it is held in a pooled buffer, and what is held is not
/// credited, so that HTTP/2's flow control bounds it. All calls are made under the transport's
/// gate.
/// </summary>
/// <param name="fromRank">The peer.</param>
/// <param name="toRank">This rank.</param>
/// <param name="events">Is told how the call ends.</param>
internal sealed class PeerInbox(int fromRank, int toRank, PeerInbox.IEvents events)
{
    /// <summary>The window bounds bytes; this bounds frames that have few of them.</summary>
    internal const int HeldFramesMax = 1 << 16;

    private readonly Queue<HeldFrame> _held = new();
    private readonly IncomingMessage _message = new();
    private InboundCall? _call;

    private bool _posted;
    private bool _filled;
    private FrameHeader _expected;
    private Memory<byte> _destination;

    private Exception? _failure;
    private bool _cancelled;

    /// <summary>What the transport does when the peer's stream ends.</summary>
    internal interface IEvents
    {
        /// <summary>The peer ended its stream in order.</summary>
        void Ended(int peer);

        /// <summary>The stream or its connection broke.</summary>
        void Broke(int peer, Exception cause);
    }

    internal long Frames { get; private set; }

    internal long PayloadBytes { get; private set; }

    /// <summary>The connection that is read here, or null.</summary>
    internal Http2Connection? Connection => _call?.Call.Connection;

    /// <summary>Whether more may be read: for a waiting Receive, or to be held.</summary>
    internal bool WantsToRead => _call is not null
        && (_posted ? !_filled : _held.Count < HeldFramesMax);

    internal bool WasOpened { get; private set; }

    /// <summary>Reads the call from now on, until it is released.</summary>
    internal void Open(InboundCall call)
    {
        (_call, WasOpened) = (call, true);
        try
        {
            call.Call.Begin();
        }
        catch (IOException broken)
        {
            // The peer went away at once: the connection goes back, as from a Pump that finds out.
            Break(broken);
            return;
        }

        Pump();
    }

    /// <summary>
    /// Names what the next frame must be and where it goes; ended by <see cref="Unpost"/>. Takes
    /// a held frame at once.
    /// </summary>
    /// <exception cref="FrameRefusedException">The held frame is another.</exception>
    internal void Post(in FrameHeader expected, Memory<byte> destination)
    {
        Invariant.Check(!_posted, "one thread at a time receives from a peer");
        (_posted, _filled, _expected, _destination) = (true, false, expected, destination);
        if (_cancelled) return;
        if (_held.Count > 0)
            TakeHeld();
        else if (_message.IsHeld)
            Adopt();
    }

    internal void Unpost() => (_posted, _destination) = (false, default);

    /// <summary>Whether the posted destination is filled.</summary>
    /// <exception cref="Exception">What keeps it from being filled.</exception>
    internal bool IsFilled()
    {
        if (_cancelled || (!_filled && _failure is not null)) throw Failures.Again(_failure!);
        return _filled;
    }

    /// <summary>Reads what has arrived.</summary>
    internal void Pump()
    {
        try
        {
            while (WantsToRead && ReadOnce())
            {
                // One piece after the other.
            }

            Connection?.TryFlush();
        }
        catch (FrameRefusedException refused)
        {
            Refuse(refused);
        }
        catch (Exception wrong) when (wrong is InvalidDataException or RpcException)
        {
            EndCall(wrong is RpcException failure
                ? failure.Status
                : new Status(StatusCode.InvalidArgument, wrong.Message));
            events.Broke(fromRank, wrong);
        }
        catch (IOException broken)
        {
            Break(broken);
        }
    }

    /// <summary>
    /// Receives that find nothing held fail with this from now on; the first failure stays.
    /// </summary>
    internal void Fail(Exception failure) => _failure ??= failure;

    /// <summary>
    /// As <see cref="Fail"/>, but what is held is dropped as well, and when it returns no memory
    /// of a receiver is written any more.
    /// </summary>
    internal void Cancel(Exception failure)
    {
        if (_cancelled) return;
        (_cancelled, _failure) = (true, failure);
        while (_held.Count > 0)
            ArrayPool<byte>.Shared.Return(_held.Dequeue().Buffer);
        _message.Forget();
    }

    /// <summary>Tells the peer that all went well, and how much it was.</summary>
    internal void EndCallInOrder()
    {
        var text = new ExchangeReply { Frames = Frames, PayloadBytes = PayloadBytes }.ToByteArray();
        var reply = new OutgoingMessage();
        text.CopyTo(reply.Head);
        reply.Set(text.Length, default);
        EndCall(Status.DefaultSuccess, reply);
    }

    /// <summary>Tells the peer how its call ended, and gives its connection back.</summary>
    internal void EndCall(Status status, OutgoingMessage? reply = null)
    {
        if (_call is null) return;
        try
        {
            if (reply is not null) _call.Call.Connection.WriteMessage(reply);
            _call.Call.End(status);
            Release(null);
        }
        catch (IOException broken)
        {
            Release(broken);
        }
    }

    private bool ReadOnce()
    {
        var connection = Connection!;
        var found = connection.Read(_message.Wanted, out var count);
        switch (found)
        {
            case ReadEvent.Data:
                Take(connection, count);
                return true;
            case ReadEvent.Blocked:
                return false;
            case ReadEvent.End when _message.IsBetween:
                events.Ended(fromRank);
                return false;
            case ReadEvent.End:
                throw new InvalidDataException("the stream ended in the middle of a message");
            case ReadEvent.Reset:
                var error = connection.ResetError;
                _call!.Call.Drop();
                Release(null);
                events.Broke(fromRank, new IOException($"it broke its stream off ({error})"));
                return false;
            default:
                return true;
        }
    }

    private void Take(Http2Connection connection, int count)
    {
        connection.Credit(_message.Advance(count));
        if (_message.IsHeaderReady) Direct();
        if (_message.IsWhole) Deliver();
    }

    /// <summary>Chooses where the payload goes, now that its header is known.</summary>
    private void Direct()
    {
        if (!_posted || _filled)
        {
            _message.BeginHeldPayload();
            return;
        }

        if (RefusalOf(_message.Header, _message.PayloadBytes) is { } refusal) throw refusal;
        _message.BeginPayload(_destination);
    }

    private void Deliver()
    {
        if (_message.Checksum != _message.Header.Checksum)
        {
            throw new FrameRefusedException(
                fromRank, toRank, "checksum", $"{_message.Header.Checksum:x8}",
                $"{_message.Checksum:x8}");
        }

        Frames++;
        PayloadBytes += _message.PayloadBytes;
        if (_message.IsHeld)
            _held.Enqueue(_message.TakeHeld());
        else
            _filled = true;
        _message.Next();
    }

    /// <summary>A Receive came while the payload arrives: the rest goes there at once.</summary>
    private void Adopt()
    {
        if (RefusalOf(_message.Header, _message.PayloadBytes) is { } refusal)
        {
            Refuse(refusal);
            throw refusal;
        }

        Credit(_message.MoveTo(_destination));
    }

    private void TakeHeld()
    {
        var frame = _held.Dequeue();
        var refusal = RefusalOf(frame.Header, frame.Length);
        if (refusal is null) frame.Buffer.AsSpan(0, frame.Length).CopyTo(_destination.Span);
        ArrayPool<byte>.Shared.Return(frame.Buffer);
        if (refusal is not null)
        {
            Refuse(refusal);
            throw refusal;
        }

        _filled = true;
        Credit(frame.Uncredited);
    }

    private void Credit(int bytes)
    {
        try
        {
            Connection?.Credit(bytes);
        }
        catch (IOException broken)
        {
            Break(broken);
        }
    }

    private void Refuse(FrameRefusedException refusal)
    {
        Fail(refusal);
        _message.Forget();
        EndCall(new Status(
            refusal.Field == "checksum" ? StatusCode.DataLoss : StatusCode.FailedPrecondition,
            refusal.Message));
    }

    private FrameRefusedException? RefusalOf(in FrameHeader header, int payloadBytes) =>
        header.RefusalAgainst(_expected, fromRank, toRank)
        ?? (payloadBytes == _destination.Length
            ? null
            : new FrameRefusedException(
                fromRank, toRank, "payload bytes", $"{_destination.Length}", $"{payloadBytes}"));

    private void Break(IOException broken)
    {
        Release(broken);
        events.Broke(fromRank, broken);
    }

    private void Release(IOException? broken)
    {
        var call = _call;
        _call = null;
        _message.Forget();
        call?.Release(broken);
    }
}
