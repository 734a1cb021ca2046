using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// What this rank sends to one peer: one connection, one call, and a queue of frames whose
/// payloads go out from where they lie. All calls are made under the transport's gate.
/// </summary>
/// <param name="identity">What the call carries.</param>
/// <param name="address">host:port of the peer.</param>
/// <param name="security">What the peer is shown.</param>
/// <param name="lost">
/// Told once, with the reason, when the stream ends, is refused, or breaks; the cause is null where
/// the peer ended it in order.
/// </param>
internal sealed class PeerSender(
    ExchangeIdentity identity, string address, RpcSecurity security,
    Action<string, Exception?> lost) : IDisposable
{
    /// <summary>
    /// The queue holds references, not payloads, and Send must not wait (every rank may send all
    /// before it receives anything), so the bound is there to catch a caller who never flushes.
    /// </summary>
    internal const int QueuedFramesMax = 1 << 16;

    /// <summary>
    /// Checksums are computed for so many bytes, which then go out by one call, still in cache.
    /// </summary>
    private const int BatchBytesMin = 256 * 1024;

    private const long PingAfterSilenceMs = 10_000;
    private const long PingTimeoutMs = 15_000;

    private readonly Queue<QueuedFrame> _queue = new();
    private readonly OutgoingMessage _message = new();
    private readonly byte[] _answer = new byte[256];
    private Http2Connection? _connection;
    private Status? _status;
    private Exception? _failure;
    private long _queued;
    private long _handed;
    private int _inBatch;
    private bool _closing;
    private bool _endWritten;
    private long _heardAtMs;
    private long? _pingedAtMs;

    internal string Address => address;

    /// <summary>The connection, once there is one and as long as it is of use.</summary>
    internal Http2Connection? Connection => _connection;

    internal long QueuedFrames => _queued;

    /// <summary>Whether it would help if the socket were writable.</summary>
    internal bool WantsToWrite => _connection is { HasOutput: true };

    /// <summary>Whether something waits for the socket or for the peer's window.</summary>
    internal bool HasUnsent => _failure is null && _handed < _queued;

    /// <summary>Whether the peer has taken all and said so.</summary>
    internal bool IsDone { get; private set; }

    /// <summary>Begins the call.</summary>
    internal void Attach(ByteChannel channel, long nowMs)
    {
        _connection = new Http2Connection(channel, isServer: false);
        _heardAtMs = nowMs;
        _connection.OpenStream(
            DataPlaneMethods.Request(
                DataPlaneMethods.Exchange, address, security, identity.ToHeaders()),
            endStream: false);
        Pump();
    }

    internal void Send(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        if (_failure is not null) throw Failures.Again(_failure);
        Invariant.Check(!_closing, "nothing is sent after the transport was disposed");
        Invariant.Check(
            _queued - _handed < QueuedFramesMax,
            "a rank flushes before it has queued 65536 frames to one peer");
        _queued++;
        _queue.Enqueue(new QueuedFrame(header, payload));
        // Where bytes wait already, the socket has no room.
        if (!WantsToWrite) Pump();
    }

    /// <summary>
    /// Whether so many frames have been handed over; a peer that left after it got them all does
    /// not matter any more.
    /// </summary>
    /// <exception cref="Exception">What keeps them from it.</exception>
    internal bool HasHanded(long frames)
    {
        var isHanded = _handed >= frames;
        return _failure is null || (isHanded && _failure is PeerLostException)
            ? isHanded
            : throw Failures.Again(_failure);
    }

    /// <summary>Ends the stream once all that is queued is sent.</summary>
    internal void Close()
    {
        _closing = true;
        Pump();
    }

    /// <summary>Writes as much as the socket and the peer's windows have room for.</summary>
    internal void Pump()
    {
        if (_connection is null) return;
        try
        {
            while (_connection.TryFlush())
            {
                _handed += _inBatch;
                _inBatch = 0;
                if (!WriteBatch()) return;
            }
        }
        catch (IOException broken)
        {
            Lose(broken);
        }
    }

    /// <summary>Takes what the peer answers: windows, pings, and the end of the call.</summary>
    internal void TakeAnswers(long nowMs)
    {
        try
        {
            while (_connection is not null)
            {
                var found = _connection.Read(_answer, out var count);
                (_heardAtMs, _pingedAtMs) = (nowMs, null);
                switch (found)
                {
                    case ReadEvent.Blocked:
                        Pump();
                        return;
                    case ReadEvent.Data:
                        _connection.Credit(count);
                        break;
                    case ReadEvent.Headers:
                        _status ??= GrpcStatus.Read(_connection.Headers);
                        break;
                    case ReadEvent.End:
                        End(_status ?? new Status(
                            StatusCode.Internal, "it ended the call without a status"));
                        return;
                    case ReadEvent.Reset when _status is null:
                        throw new IOException(
                            $"it broke the call off ({_connection.ResetError})");
                    case ReadEvent.Reset:
                        End(_status.Value);
                        return;
                }
            }
        }
        catch (IOException broken)
        {
            Lose(broken);
        }
    }

    /// <summary>
    /// Asks a silent peer for a sign of life, and loses it when none comes. Returns when to look
    /// again.
    /// </summary>
    internal long Watch(long nowMs)
    {
        if (_connection is null) return long.MaxValue;
        var dueMs = _pingedAtMs is { } pingedAtMs
            ? pingedAtMs + PingTimeoutMs
            : _heardAtMs + PingAfterSilenceMs;
        if (nowMs < dueMs) return dueMs;
        if (_pingedAtMs is not null)
        {
            Lose(new IOException($"it was silent for {(nowMs - _heardAtMs) / 1000} s"));
            return long.MaxValue;
        }

        // From now on, and not from when it was heard: this process may have slept itself.
        _pingedAtMs = nowMs;
        try
        {
            _connection.WritePing();
        }
        catch (IOException broken)
        {
            Lose(broken);
        }

        Pump();
        return nowMs + PingTimeoutMs;
    }

    /// <summary>
    /// Fails calls from now on, and breaks the stream. When it returns, no payload is read any
    /// more.
    /// </summary>
    internal void Fail(Exception failure)
    {
        if (_failure is not null) return;
        _failure = failure;
        _queue.Clear();
        _message.Forget();
        Dispose();
    }

    public void Dispose()
    {
        if (IsDone) _connection?.Dispose();
        else _connection?.Abort();
        _connection = null;
    }

    /// <summary>False where there is nothing to write, or no window for it.</summary>
    private bool WriteBatch()
    {
        var bytes = 0;
        while (bytes < BatchBytesMin && _connection!.CanWriteData)
        {
            if (_message.BytesLeft == 0 && !TakeNext()) break;
            var left = _message.BytesLeft;
            _connection.WriteMessage(_message);
            bytes += left - _message.BytesLeft;
            if (_message.BytesLeft == 0) _inBatch++;
        }

        if (_closing && !_endWritten && _message.BytesLeft == 0 && _queue.Count == 0)
        {
            _endWritten = true;
            _connection!.WriteEnd();
        }

        return WantsToWrite;
    }

    private bool TakeNext()
    {
        if (!_queue.TryDequeue(out var frame)) return false;
        var header = frame.Header with { Checksum = Crc32C.Compute(frame.Payload.Span) };
        var headBytes = FrameCodec.WriteHeader(header, frame.Payload.Length, _message.Head);
        _message.Set(headBytes, frame.Payload);
        return true;
    }

    private void End(Status status)
    {
        if (status.StatusCode != StatusCode.OK)
        {
            Lose(new RpcException(status));
        }
        else if (_endWritten)
        {
            IsDone = true;
            Dispose();
        }
        else
        {
            lost("it closed its side of the stream", null);
        }
    }

    private void Lose(Exception cause) => lost(
        cause is RpcException refused ? RpcErrors.Detail(refused) : cause.Message, cause);

    private readonly record struct QueuedFrame(FrameHeader Header, ReadOnlyMemory<byte> Payload);
}
