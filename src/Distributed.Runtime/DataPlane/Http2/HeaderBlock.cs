namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// Puts a header block together from HEADERS and CONTINUATION frames (RFC 9113, sections 6.2 and
/// 6.10), and decodes it.
/// </summary>
internal sealed class HeaderBlock
{
    /// <summary>More are no list of headers but an attack.</summary>
    private const int PartsMax = 32;

    private readonly HpackDecoder _decoder = new(
        Http2Limits.HeaderTableBytes, Http2Limits.HeaderListBytesMax);

    private readonly byte[] _bytes = new byte[Http2Limits.HeaderListBytesMax];
    private int _length;
    private int _parts;
    private bool _endsStream;

    /// <summary>Whose block has begun and is not taken yet, or 0.</summary>
    internal int StreamId { get; private set; }

    internal bool IsWhole { get; private set; }

    internal void Begin(in FrameHead frame, ReadOnlySpan<byte> payload)
    {
        var padding = 0;
        if (frame.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty) throw Wrong("padded headers of no length");
            padding = payload[0];
            payload = payload[1..];
        }

        if (frame.Has(FrameFlags.Priority))
        {
            if (payload.Length < 5) throw Wrong("headers that end in their priority");
            payload = payload[5..];
        }

        if (padding > payload.Length) throw Wrong("more padding than headers");
        (StreamId, _endsStream) = (frame.StreamId, frame.Has(FrameFlags.EndOrAcknowledge));
        (_length, _parts) = (0, 0);
        Append(frame, payload[..^padding]);
    }

    internal void Continue(in FrameHead frame, ReadOnlySpan<byte> payload)
    {
        if (StreamId == 0) throw Wrong("a continuation of no headers");
        Append(frame, payload);
    }

    internal (int StreamId, bool EndsStream, List<HeaderField> Fields) Take()
    {
        var fields = _decoder.Decode(_bytes.AsSpan(0, _length));
        var streamId = StreamId;
        (StreamId, IsWhole) = (0, false);
        return (streamId, _endsStream, fields);
    }

    private void Append(in FrameHead frame, ReadOnlySpan<byte> part)
    {
        if (++_parts > PartsMax || part.Length > _bytes.Length - _length)
        {
            throw new Http2Exception(
                Http2Error.EnhanceYourCalm,
                $"a header block of more than {_bytes.Length} bytes or {PartsMax} frames");
        }

        part.CopyTo(_bytes.AsSpan(_length));
        _length += part.Length;
        IsWhole = frame.Has(FrameFlags.EndHeaders);
    }

    private static Http2Exception Wrong(string what) => new(Http2Error.Protocol, what);
}
