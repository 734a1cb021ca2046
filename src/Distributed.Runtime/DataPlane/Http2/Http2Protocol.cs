namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>RFC 9113, section 6.</summary>
internal enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    ResetStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

[Flags]
internal enum FrameFlags : byte
{
    None = 0,

    /// <summary>The end of a stream; of SETTINGS and PING, an acknowledgement.</summary>
    EndOrAcknowledge = 0x1,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>RFC 9113, section 6.5.2.</summary>
internal enum Setting : ushort
{
    HeaderTableSize = 1,
    EnablePush = 2,
    MaxConcurrentStreams = 3,
    InitialWindowSize = 4,
    MaxFrameSize = 5,
    MaxHeaderListSize = 6,
}

/// <summary>RFC 9113, section 7.</summary>
internal enum Http2Error
{
    None = 0,
    Protocol = 1,
    Internal = 2,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    RefusedStream = 7,
    Cancel = 8,
    Compression = 9,
    EnhanceYourCalm = 11,
}

/// <summary>What a connection offers, and what holds before settings arrive.</summary>
internal static class Http2Limits
{
    internal const int FrameHeaderBytes = 9;

    /// <summary>Bytes on the way to us that we have not asked to go on after.</summary>
    internal const int WindowBytes = 16 * 1024 * 1024;

    /// <summary>The longest frame that we take.</summary>
    internal const int FrameBytesMax = 1024 * 1024;

    /// <summary>The largest list of headers that we take, and header block.</summary>
    internal const int HeaderListBytesMax = 16 * 1024;

    internal const int HeaderTableBytes = 4096;

    internal const int DefaultWindowBytes = 65_535;

    internal const int DefaultFrameBytesMax = 16_384;

    internal static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;
}
