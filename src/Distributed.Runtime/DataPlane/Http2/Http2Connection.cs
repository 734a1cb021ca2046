using System.Buffers.Binary;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>What <see cref="Http2Connection.Read"/> found on the stream.</summary>
internal enum ReadEvent
{
    /// <summary>Nothing more has arrived: wait until the socket is readable.</summary>
    Blocked,

    /// <summary>Some bytes are in the destination.</summary>
    Data,

    /// <summary>A whole header block is in <see cref="Http2Connection.Headers"/>.</summary>
    Headers,

    /// <summary>The other side has ended its half of the stream.</summary>
    End,

    /// <summary>The other side has broken the stream off.</summary>
    Reset,
}

/// <summary>
/// One side of an HTTP/2 connection without TLS, by prior knowledge (RFC 9113), that carries one
/// stream at a time: a client's one call, or a server's calls one after the other, which the server
/// says by SETTINGS_MAX_CONCURRENT_STREAMS. Never waits and never calls back; used by one thread
/// at a time.
/// </summary>
internal sealed class Http2Connection : IDisposable
{
    /// <summary>A frame other than DATA must fit here with its header.</summary>
    private const int ReadBytes = 20 * 1024;

    /// <summary>
    /// Behind a payload that goes to its destination, this much more is taken by the same call:
    /// the next frame's header without a call of its own.
    /// </summary>
    private const int ReadAheadBytes = 512;

    private readonly bool _isServer;
    private readonly byte[] _read = GC.AllocateUninitializedArray<byte>(ReadBytes, pinned: true);
    private readonly GatherBuffer _output = new();
    private readonly HeaderBlock _block = new();
    private readonly FlowControl _flow = new();
    private int _start;
    private int _end;
    private bool _prefaceSeen;
    private bool _isDisposed;
    private int _lastStream;
    private int _dataLeft;
    private int _skipLeft;
    private bool _endsAfterRead;
    private ReadEvent _pending;
    private int _peerFrameBytesMax = Http2Limits.DefaultFrameBytesMax;

    internal Http2Connection(ByteChannel channel, bool isServer)
    {
        Channel = channel;
        _isServer = isServer;
        _prefaceSeen = !isServer;
        if (!isServer) Http2Limits.Preface.CopyTo(_output.Reserve(Http2Limits.Preface.Length));
        WriteSettings();
        WriteWindowUpdate(0, Http2Limits.WindowBytes - Http2Limits.DefaultWindowBytes);
    }

    internal ByteChannel Channel { get; }

    /// <summary>The stream that is open, or 0.</summary>
    internal int StreamId { get; private set; }

    /// <summary>The last header block of the stream.</summary>
    internal List<HeaderField> Headers { get; private set; } = [];

    internal Http2Error ResetError { get; private set; }

    /// <summary>Whether the other side has said that it takes no more streams.</summary>
    internal bool IsGoingAway { get; private set; }

    /// <summary>Whether the other side has ended its half of the stream, read or not.</summary>
    internal bool IsHalfClosed { get; private set; }

    /// <summary>Whether the other side has introduced itself.</summary>
    internal bool IsEstablished { get; private set; }

    /// <summary>Whether bytes wait for the socket to be writable.</summary>
    internal bool HasOutput => !_output.IsEmpty;

    /// <summary>Whether a payload may be written now.</summary>
    internal bool CanWriteData =>
        _output.HasRoomForPayload && _flow.SendableBytes > 0;

    /// <summary>
    /// Takes from the connection what has arrived, answers what belongs to the connection, and
    /// stops at the first thing that belongs to the stream. Data goes straight to the destination,
    /// which must not be empty.
    /// </summary>
    /// <exception cref="IOException">
    /// The connection broke, was ended, or (<see cref="Http2Exception"/>) misused; in the last case
    /// a GOAWAY that says why is on its way.
    /// </exception>
    internal ReadEvent Read(Span<byte> destination, out int count)
    {
        count = 0;
        try
        {
            while (true)
            {
                if (_dataLeft > 0)
                {
                    count = ReadData(destination);
                    return count > 0 ? ReadEvent.Data : ReadEvent.Blocked;
                }

                if (TakePending() is var found and not ReadEvent.Blocked) return found;
                if (!TakeFrame() && !Fill()) return ReadEvent.Blocked;
            }
        }
        catch (Http2Exception wrong)
        {
            WriteGoAway(wrong.Error);
            TryFlush();
            throw;
        }
    }

    /// <summary>Gives what is written to the socket; true when all of it was taken.</summary>
    internal bool TryFlush() => _output.SendTo(Channel);

    /// <summary>Opens the stream of a client's call.</summary>
    internal void OpenStream(byte[] headerBlock, bool endStream)
    {
        StreamId = 1;
        _lastStream = 1;
        _flow.OpenStream();
        WriteHeaders(headerBlock, endStream);
    }

    /// <summary>Forgets the stream: what still arrives for it is passed over.</summary>
    internal void CloseStream()
    {
        _skipLeft += _dataLeft;
        (StreamId, _dataLeft, IsHalfClosed) = (0, 0, false);
        (_endsAfterRead, _pending) = (false, ReadEvent.Blocked);
    }

    internal void WriteHeaders(ReadOnlySpan<byte> block, bool endStream)
    {
        var type = FrameType.Headers;
        var flags = endStream ? FrameFlags.EndOrAcknowledge : FrameFlags.None;
        do
        {
            var part = block[..Math.Min(block.Length, Http2Limits.DefaultFrameBytesMax)];
            block = block[part.Length..];
            if (block.IsEmpty) flags |= FrameFlags.EndHeaders;
            part.CopyTo(WriteFrame(type, flags, StreamId, part.Length));
            (type, flags) = (FrameType.Continuation, FrameFlags.None);
        }
        while (!block.IsEmpty);
    }

    /// <summary>
    /// Writes as much of a message as windows and room allow, as DATA frames; the message's
    /// payload must not change before <see cref="TryFlush"/> has returned true.
    /// </summary>
    internal void WriteMessage(OutgoingMessage message)
    {
        while (message.BytesLeft > 0 && CanWriteData)
        {
            var frameBytesMax = Math.Min(_peerFrameBytesMax, Http2Limits.FrameBytesMax);
            var length = Math.Min(
                Math.Min(frameBytesMax, message.BytesLeft), _flow.SendableBytes);
            WriteFrame(FrameType.Data, FrameFlags.None, StreamId, length, copied: 0);
            message.MoveTo(_output, length);
            _flow.Sent(length);
        }
    }

    /// <summary>Ends our half of the stream.</summary>
    internal void WriteEnd() =>
        WriteFrame(FrameType.Data, FrameFlags.EndOrAcknowledge, StreamId, 0);

    internal void WriteReset(Http2Error error) => WriteReset(StreamId, error);

    internal void WritePing() => WriteFrame(FrameType.Ping, FrameFlags.None, 0, 8).Clear();

    internal void WriteGoAway(Http2Error error)
    {
        var payload = WriteFrame(FrameType.GoAway, FrameFlags.None, 0, 8);
        BinaryPrimitives.WriteInt32BigEndian(payload, _isServer ? _lastStream : 0);
        BinaryPrimitives.WriteInt32BigEndian(payload[4..], (int)error);
    }

    /// <summary>Lets the other side send that many more bytes on the stream.</summary>
    internal void Credit(long bytes)
    {
        if (_flow.CreditStream(bytes) is var increment and > 0 && StreamId != 0)
            WriteWindowUpdate(StreamId, increment);
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _output.Dispose();
        Channel.Dispose();
    }

    /// <summary>As Dispose, but drops what the socket has not sent yet.</summary>
    internal void Abort()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _output.Dispose();
        Channel.Abort();
    }

    private ReadEvent TakePending()
    {
        var found = _pending != ReadEvent.Blocked ? _pending
            : _endsAfterRead ? ReadEvent.End
            : ReadEvent.Blocked;
        if (found == ReadEvent.End) _endsAfterRead = false;
        _pending = ReadEvent.Blocked;
        return found;
    }

    private int ReadData(Span<byte> destination)
    {
        var wanted = destination[..Math.Min(destination.Length, _dataLeft)];
        var count = Math.Min(wanted.Length, _end - _start);
        if (count > 0)
        {
            _read.AsSpan(_start, count).CopyTo(wanted);
            _start += count;
        }
        else
        {
            // Only where the frame ends within the destination may its followers come along.
            var ahead = wanted.Length == _dataLeft
                ? _read.AsSpan(0, ReadAheadBytes)
                : default;
            var received = Receive(wanted, ahead);
            count = Math.Min(received, wanted.Length);
            (_start, _end) = (0, received - count);
        }

        _dataLeft -= count;
        return count;
    }

    /// <summary>Takes more bytes from the socket; false where there are none.</summary>
    private bool Fill()
    {
        if (_start > 0)
        {
            _read.AsSpan(_start, _end - _start).CopyTo(_read);
            (_start, _end) = (0, _end - _start);
        }

        // What follows may be a payload with a destination of its own: take little of it.
        var received = Receive(_read.AsSpan(_end, Math.Min(ReadBytes - _end, FillBytes)), default);
        _end += received;
        return received > 0;
    }

    private int FillBytes => _end > 0 || !IsEstablished ? ReadBytes : 2 * ReadAheadBytes;

    private int Receive(Span<byte> first, Span<byte> second)
    {
        var received = Channel.Receive(first, second);
        if (received == 0) throw new IOException("it ended the connection");
        return Math.Max(received, 0);
    }

    /// <summary>Takes one frame out of what was read; false where it is not whole yet.</summary>
    private bool TakeFrame()
    {
        if (_skipLeft > 0)
        {
            var skipped = Math.Min(_skipLeft, _end - _start);
            (_skipLeft, _start) = (_skipLeft - skipped, _start + skipped);
            return skipped > 0;
        }

        var bytes = _read.AsSpan(_start, _end - _start);
        if (!_prefaceSeen) return TakePreface(bytes);
        if (bytes.Length < Http2Limits.FrameHeaderBytes) return false;
        var frame = FrameHead.Read(bytes);
        Expect(frame);
        var payload = bytes[Http2Limits.FrameHeaderBytes..];
        if (frame.Type == FrameType.Data)
            return TakeData(frame, payload);
        if (frame.MayBeSkipped)
        {
            if (frame.Type == FrameType.GoAway)
            {
                if (payload.Length < 8) return false;
                TakeGoAway(payload);
            }

            _start += Http2Limits.FrameHeaderBytes;
            _skipLeft = frame.Length;
            return true;
        }

        if (payload.Length < frame.Length) return false;
        _start += Http2Limits.FrameHeaderBytes + frame.Length;
        TakeControl(frame, payload[..frame.Length]);
        return true;
    }

    private bool TakePreface(ReadOnlySpan<byte> bytes)
    {
        var seen = Math.Min(bytes.Length, Http2Limits.Preface.Length);
        if (!bytes[..seen].SequenceEqual(Http2Limits.Preface[..seen]))
            throw new Http2Exception(Http2Error.Protocol, "no HTTP/2 preface");
        if (seen < Http2Limits.Preface.Length) return false;
        _start += seen;
        return _prefaceSeen = true;
    }

    private void Expect(in FrameHead frame)
    {
        if (frame.Length > Http2Limits.FrameBytesMax)
            throw Wrong(Http2Error.FrameSize, $"a frame of {frame.Length} bytes");
        if (!IsEstablished
            && (frame.Type != FrameType.Settings || frame.Has(FrameFlags.EndOrAcknowledge)))
        {
            throw Wrong(Http2Error.Protocol, $"a frame of type {frame.Type} before its settings");
        }

        if (_block.StreamId != 0
            && (frame.Type != FrameType.Continuation || frame.StreamId != _block.StreamId))
        {
            throw Wrong(
                Http2Error.Protocol, $"a frame of type {frame.Type} between parts of headers");
        }

        frame.CheckShape(longestWhole: ReadBytes - Http2Limits.FrameHeaderBytes);
    }

    private bool TakeData(in FrameHead frame, ReadOnlySpan<byte> payload)
    {
        var padding = 0;
        var prefix = 0;
        if (frame.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty && frame.Length > 0) return false;
            if (frame.Length == 0 || payload[0] >= frame.Length)
                throw Wrong(Http2Error.Protocol, "more padding than frame");
            (prefix, padding) = (1, payload[0]);
        }

        if (frame.StreamId > _lastStream)
            throw Wrong(Http2Error.Protocol, "data of a stream that was never opened");
        var isOurs = frame.StreamId == StreamId && !IsHalfClosed;
        var increment = _flow.Received(frame.Length, isOurs);
        if (increment > 0) WriteWindowUpdate(0, increment);
        _start += Http2Limits.FrameHeaderBytes + prefix;
        if (!isOurs)
        {
            if (frame.StreamId == StreamId)
                throw Wrong(Http2Error.StreamClosed, "data after the end of its stream");
            _skipLeft = frame.Length - prefix;
            return true;
        }

        _dataLeft = frame.Length - prefix - padding;
        _skipLeft = padding;
        _endsAfterRead = frame.Has(FrameFlags.EndOrAcknowledge);
        IsHalfClosed = _endsAfterRead;
        Credit(prefix + padding);
        return true;
    }

    private void TakeControl(in FrameHead frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Type)
        {
            case FrameType.Headers:
                _block.Begin(frame, payload);
                break;
            case FrameType.Continuation:
                _block.Continue(frame, payload);
                break;
            case FrameType.ResetStream:
                TakeReset(frame, (Http2Error)BinaryPrimitives.ReadInt32BigEndian(payload));
                break;
            case FrameType.Settings when !frame.Has(FrameFlags.EndOrAcknowledge):
                TakeSettings(payload);
                break;
            case FrameType.Ping when !frame.Has(FrameFlags.EndOrAcknowledge):
                payload.CopyTo(WriteFrame(FrameType.Ping, FrameFlags.EndOrAcknowledge, 0, 8));
                break;
            case FrameType.WindowUpdate:
                TakeWindowUpdate(frame, BinaryPrimitives.ReadInt32BigEndian(payload));
                break;
            case FrameType.PushPromise:
                throw Wrong(Http2Error.Protocol, "a push, which is not allowed here");
        }

        if (_block.IsWhole) TakeHeaders();
    }

    private void TakeHeaders()
    {
        var (streamId, ends, fields) = _block.Take();
        if (streamId == StreamId)
        {
            if (IsHalfClosed) throw Wrong(Http2Error.StreamClosed, "headers after their stream");
            if (_isServer && !ends) throw Wrong(Http2Error.Protocol, "headers between data");
        }
        else if (streamId <= _lastStream)
        {
            // Of a stream that was closed here; the block had to be read for the tables' sake.
            return;
        }
        else if (!_isServer || streamId % 2 == 0)
        {
            throw Wrong(Http2Error.Protocol, $"headers of stream {streamId}");
        }
        else
        {
            _lastStream = streamId;
            if (StreamId != 0)
            {
                WriteReset(streamId, Http2Error.RefusedStream);
                return;
            }

            StreamId = streamId;
            _flow.OpenStream();
        }

        // An interim response (1xx) has no meaning in gRPC.
        if (!_isServer && fields.Find(":status") is { Length: 3 } status && status[0] == '1')
            return;
        (IsHalfClosed, _endsAfterRead) = (ends, ends);
        (Headers, _pending) = (fields, ReadEvent.Headers);
    }

    private void TakeReset(in FrameHead frame, Http2Error error)
    {
        if (frame.StreamId > _lastStream)
            throw Wrong(Http2Error.Protocol, "a reset of a stream that was never opened");
        if (frame.StreamId != StreamId) return;
        (ResetError, _pending) = (error, ReadEvent.Reset);
        (IsHalfClosed, _endsAfterRead) = (true, false);
    }

    private void TakeSettings(ReadOnlySpan<byte> payload)
    {
        IsEstablished = true;
        for (; !payload.IsEmpty; payload = payload[6..])
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch ((Setting)BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case Setting.InitialWindowSize:
                    _flow.SetPeerWindow(value);
                    break;
                case Setting.MaxFrameSize:
                    if (value is < Http2Limits.DefaultFrameBytesMax or > 0xFF_FFFF)
                        throw Wrong(Http2Error.Protocol, $"a largest frame of {value} bytes");
                    _peerFrameBytesMax = (int)value;
                    break;
                case Setting.EnablePush when value > 1:
                    throw Wrong(Http2Error.Protocol, $"{value} for whether it takes pushes");
            }
        }

        WriteFrame(FrameType.Settings, FrameFlags.EndOrAcknowledge, 0, 0);
    }

    private void TakeGoAway(ReadOnlySpan<byte> payload)
    {
        IsGoingAway = true;
        var last = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        var error = (Http2Error)BinaryPrimitives.ReadInt32BigEndian(payload[4..]);
        // Without an error the streams that it has seen go on to their end.
        if (error != Http2Error.None || (!_isServer && last < StreamId))
            throw new IOException($"it sent the connection away (HTTP/2 error {error})");
    }

    /// <summary>
    /// An increment of 0 on a stream is an error of the stream alone, but may be taken as one of
    /// the connection (RFC 9113, section 5.4).
    /// </summary>
    private void TakeWindowUpdate(in FrameHead frame, int increment)
    {
        increment &= int.MaxValue;
        if (increment == 0) throw Wrong(Http2Error.Protocol, "a window update of 0");
        if (frame.StreamId > _lastStream)
            throw Wrong(Http2Error.Protocol, "a window of a stream that was never opened");
        if (frame.StreamId == 0) _flow.AddToConnection(increment);
        else if (frame.StreamId == StreamId) _flow.AddToStream(increment);
    }

    private void WriteSettings()
    {
        ReadOnlySpan<(Setting Name, int Value)> settings =
        [
            (Setting.InitialWindowSize, Http2Limits.WindowBytes),
            (Setting.MaxFrameSize, Http2Limits.FrameBytesMax),
            (Setting.MaxHeaderListSize, Http2Limits.HeaderListBytesMax),
            _isServer ? (Setting.MaxConcurrentStreams, 1) : (Setting.EnablePush, 0),
        ];
        var payload = WriteFrame(FrameType.Settings, FrameFlags.None, 0, settings.Length * 6);
        foreach (var (name, value) in settings)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)name);
            BinaryPrimitives.WriteInt32BigEndian(payload[2..], value);
            payload = payload[6..];
        }
    }

    private void WriteWindowUpdate(int streamId, int increment) =>
        BinaryPrimitives.WriteInt32BigEndian(
            WriteFrame(FrameType.WindowUpdate, FrameFlags.None, streamId, 4), increment);

    private void WriteReset(int streamId, Http2Error error) =>
        BinaryPrimitives.WriteInt32BigEndian(
            WriteFrame(FrameType.ResetStream, FrameFlags.None, streamId, 4), (int)error);

    /// <summary>Writes a frame's header; returns room for its payload.</summary>
    private Span<byte> WriteFrame(FrameType type, FrameFlags flags, int streamId, int length) =>
        WriteFrame(type, flags, streamId, length, copied: length);

    private Span<byte> WriteFrame(
        FrameType type, FrameFlags flags, int streamId, int length, int copied)
    {
        var bytes = _output.Reserve(Http2Limits.FrameHeaderBytes + copied);
        new FrameHead(length, type, flags, streamId).Write(bytes);
        return bytes[Http2Limits.FrameHeaderBytes..];
    }

    private static Http2Exception Wrong(Http2Error error, string what) => new(error, what);
}
