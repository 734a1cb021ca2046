namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// The windows of a connection and of its stream, both ways (RFC 9113, sections 5.2 and 6.9). What
/// arrives is credited to the connection at once; on the stream the reader decides.
/// </summary>
internal sealed class FlowControl
{
    /// <summary>Credit is given in such portions, so that the window never runs dry.</summary>
    private const int CreditBytesMin = Http2Limits.WindowBytes / 4;

    private long _connectionSend = Http2Limits.DefaultWindowBytes;
    private long _streamSend;
    private long _peerWindow = Http2Limits.DefaultWindowBytes;
    private long _connectionReceive = Http2Limits.WindowBytes;
    private long _streamReceive;
    private long _streamUncredited;

    /// <summary>How many bytes of data the other side takes now.</summary>
    internal int SendableBytes => (int)Math.Max(0, Math.Min(_connectionSend, _streamSend));

    internal void OpenStream() =>
        (_streamSend, _streamReceive, _streamUncredited) =
            (_peerWindow, Http2Limits.WindowBytes, 0);

    internal void Sent(int bytes)
    {
        _connectionSend -= bytes;
        _streamSend -= bytes;
    }

    /// <summary>Returns what to credit to the connection now, or 0.</summary>
    internal int Received(int bytes, bool isOfStream)
    {
        if (bytes > _connectionReceive || (isOfStream && bytes > _streamReceive))
            throw new Http2Exception(Http2Error.FlowControl, "more data than its window allows");
        _connectionReceive -= bytes;
        if (isOfStream) _streamReceive -= bytes;
        var increment = Http2Limits.WindowBytes - _connectionReceive;
        if (increment < CreditBytesMin) return 0;
        _connectionReceive += increment;
        return (int)increment;
    }

    /// <summary>Returns what to credit to the stream now, or 0.</summary>
    internal int CreditStream(long bytes)
    {
        _streamUncredited += bytes;
        if (_streamUncredited < CreditBytesMin) return 0;
        var increment = (int)_streamUncredited;
        (_streamUncredited, _streamReceive) = (0, _streamReceive + increment);
        return increment;
    }

    /// <summary>SETTINGS_INITIAL_WINDOW_SIZE, which moves the open stream's window too.</summary>
    internal void SetPeerWindow(uint bytes)
    {
        if (bytes > int.MaxValue)
            throw new Http2Exception(Http2Error.FlowControl, $"a window of {bytes} bytes");
        _streamSend += bytes - _peerWindow;
        _peerWindow = bytes;
        Check(_streamSend);
    }

    internal void AddToConnection(int bytes) => Check(_connectionSend += bytes);

    internal void AddToStream(int bytes) => Check(_streamSend += bytes);

    private static void Check(long window)
    {
        if (window > int.MaxValue)
            throw new Http2Exception(Http2Error.FlowControl, "a window that overflows");
    }
}
