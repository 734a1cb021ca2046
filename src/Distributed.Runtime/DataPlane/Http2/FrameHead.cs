using System.Buffers.Binary;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>The nine bytes in front of every frame (RFC 9113, section 4.1).</summary>
internal readonly record struct FrameHead(
    int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    /// <summary>Whether nothing behind the first bytes of the payload matters.</summary>
    internal bool MayBeSkipped =>
        Type is FrameType.Priority or FrameType.GoAway or > FrameType.Continuation;

    internal bool Has(FrameFlags flag) => (Flags & flag) != 0;

    internal static FrameHead Read(ReadOnlySpan<byte> bytes) => new(
        bytes[0] << 16 | bytes[1] << 8 | bytes[2],
        (FrameType)bytes[3],
        (FrameFlags)bytes[4],
        BinaryPrimitives.ReadInt32BigEndian(bytes[5..]) & int.MaxValue);

    internal void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(bytes, Length << 8 | (byte)Type);
        bytes[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(bytes[5..], StreamId);
    }

    /// <summary>Checks length and stream against what the type demands.</summary>
    /// <param name="longestWhole">The longest frame that is not read piece by piece.</param>
    internal void CheckShape(int longestWhole)
    {
        var isOfConnection = Type is FrameType.Settings or FrameType.Ping or FrameType.GoAway;
        var mayBeEither = Type is FrameType.WindowUpdate or > FrameType.Continuation;
        if (!mayBeEither && isOfConnection != (StreamId == 0))
            throw new Http2Exception(Http2Error.Protocol, $"{this}, on the wrong stream");
        var fits = Type switch
        {
            FrameType.Priority => Length == 5,
            FrameType.ResetStream or FrameType.WindowUpdate => Length == 4,
            FrameType.Ping => Length == 8,
            FrameType.GoAway => Length >= 8,
            FrameType.Settings when Has(FrameFlags.EndOrAcknowledge) => Length == 0,
            FrameType.Settings => Length % 6 == 0,
            _ => true,
        };
        if (!fits) throw new Http2Exception(Http2Error.FrameSize, $"{this}, of the wrong length");
        if (Type != FrameType.Data && !MayBeSkipped && Length > longestWhole)
            throw new Http2Exception(Http2Error.EnhanceYourCalm, $"{this}, which is too long");
    }

    public override string ToString() => $"a frame of type {Type} and {Length} bytes";
}
