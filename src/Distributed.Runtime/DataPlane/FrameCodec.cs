using System.Buffers.Binary;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Protocol;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// The message Frame of data_plane.proto, without protobuf's copies: all that stands before the
/// payload is written and read by itself.
/// </summary>
internal static class FrameCodec
{
    /// <summary>
    /// Room for every field at its longest, tags and the payload's length included.
    /// </summary>
    internal const int HeaderBytesMax = 112;

    /// <summary>
    /// Writes all that stands before the payload's bytes, the checksum as it is in the header.
    /// Returns its length.
    /// </summary>
    internal static int WriteHeader(
        in FrameHeader header, int payloadBytes, Span<byte> destination)
    {
        var at = Tag(destination, 0, Frame.JobFieldNumber, ProtobufReader.Fixed64);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], header.Job);
        at = Number(destination, at + 8, Frame.GenerationFieldNumber, header.Generation);
        at = Number(destination, at, Frame.StepFieldNumber, header.Step);
        at = Number(destination, at, Frame.BucketFieldNumber, header.Bucket);
        at = Number(destination, at, Frame.PhaseFieldNumber, header.Phase);
        at = Number(destination, at, Frame.NodeFieldNumber, header.Node);
        at = Number(destination, at, Frame.OffsetFieldNumber, header.Offset);
        at = Number(destination, at, Frame.LengthFieldNumber, header.Length);
        at = Tag(destination, at, Frame.ChecksumFieldNumber, ProtobufReader.Fixed32);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], header.Checksum);
        at = Number(destination, at + 4, Frame.ElementFormatFieldNumber, (int)header.Format);
        at = Tag(destination, at, Frame.PayloadFieldNumber, ProtobufReader.Delimited);
        return WriteVarint(destination, at, (ulong)payloadBytes);
    }

    /// <summary>
    /// Reads the beginning of a message from any sender: fields in any order, unknown ones
    /// skipped. True where all fields but the payload's bytes are there; those may still come,
    /// and then they are the rest of the message. False where more of the message is needed.
    /// </summary>
    /// <exception cref="InvalidDataException">The bytes are not a protobuf message.</exception>
    internal static bool TryRead(
        ReadOnlySpan<byte> bytes, int messageBytes, out FrameHeader header, out int payloadStart,
        out int payloadBytes)
    {
        (header, payloadStart, payloadBytes) = (default, messageBytes, 0);
        var reader = new ProtobufReader(bytes, messageBytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryNext()) return false;
            if (reader.Tag == (Frame.PayloadFieldNumber << 3 | ProtobufReader.Delimited))
                (payloadStart, payloadBytes) = (reader.Start, (int)reader.Value);
            else
                header = With(header, reader.Tag, reader.Value);
        }

        var payloadEnd = payloadStart + payloadBytes;
        return payloadEnd == messageBytes || payloadEnd <= bytes.Length;
    }

    private static FrameHeader With(in FrameHeader header, ulong tag, ulong value) => tag switch
    {
        Frame.JobFieldNumber << 3 | ProtobufReader.Fixed64 => header with { Job = value },
        Frame.GenerationFieldNumber << 3 => header with { Generation = (int)value },
        Frame.StepFieldNumber << 3 => header with { Step = (long)value },
        Frame.BucketFieldNumber << 3 => header with { Bucket = (int)value },
        Frame.PhaseFieldNumber << 3 => header with { Phase = (int)value },
        Frame.NodeFieldNumber << 3 => header with { Node = (int)value },
        Frame.OffsetFieldNumber << 3 => header with { Offset = (long)value },
        Frame.LengthFieldNumber << 3 => header with { Length = (int)value },
        Frame.ChecksumFieldNumber << 3 | ProtobufReader.Fixed32 =>
            header with { Checksum = (uint)value },
        Frame.ElementFormatFieldNumber << 3 =>
            header with { Format = (ElementFormat)(int)value },
        _ => header,
    };

    private static int Tag(Span<byte> destination, int at, int field, int wireType)
    {
        destination[at] = (byte)(field << 3 | wireType);
        return at + 1;
    }

    private static int Number(Span<byte> destination, int at, int field, long value) =>
        value == 0
            ? at
            : WriteVarint(
                destination, Tag(destination, at, field, ProtobufReader.Varint), (ulong)value);

    private static int WriteVarint(Span<byte> destination, int at, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            destination[at++] = (byte)(value | 0x80);
        destination[at] = (byte)value;
        return at + 1;
    }
}
