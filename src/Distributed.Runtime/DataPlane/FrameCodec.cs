using System.Buffers;
using System.Buffers.Binary;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// The message Frame of data_plane.proto, without protobuf's copies: payloads go from the sender's
/// memory into the call's buffer, and from the connection's buffer into the receiver's memory.
/// </summary>
internal static class FrameCodec
{
    /// <summary>
    /// Room for every field at its longest, tags and the payload's length included.
    /// </summary>
    internal const int HeaderBytesMax = 96;

    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int Fixed32 = 5;

    /// <summary>
    /// Writes all that stands before the payload's bytes. Returns its length and the position of
    /// the checksum, which is written as 0.
    /// </summary>
    internal static (int Length, int ChecksumAt) WriteHeader(
        in FrameHeader header, int payloadBytes, Span<byte> destination)
    {
        var at = Tag(destination, 0, Frame.JobFieldNumber, Fixed64);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], header.Job);
        at = Number(destination, at + 8, Frame.GenerationFieldNumber, header.Generation);
        at = Number(destination, at, Frame.StepFieldNumber, header.Step);
        at = Number(destination, at, Frame.BucketFieldNumber, header.Bucket);
        at = Number(destination, at, Frame.PhaseFieldNumber, header.Phase);
        at = Number(destination, at, Frame.NodeFieldNumber, header.Node);
        at = Number(destination, at, Frame.OffsetFieldNumber, header.Offset);
        at = Number(destination, at, Frame.LengthFieldNumber, header.Length);
        at = Tag(destination, at, Frame.ChecksumFieldNumber, Fixed32);
        var checksumAt = at;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[at..], 0);
        at = Tag(destination, at + 4, Frame.PayloadFieldNumber, Delimited);
        return (WriteVarint(destination, at, (ulong)payloadBytes), checksumAt);
    }

    /// <summary>
    /// Writes a whole message, copying the payload and computing its checksum in one go.
    /// </summary>
    internal static void Write(
        in FrameHeader header, ReadOnlySpan<byte> payload, SerializationContext context)
    {
        Span<byte> head = stackalloc byte[HeaderBytesMax];
        var (headerBytes, checksumAt) = WriteHeader(header, payload.Length, head);
        var length = headerBytes + payload.Length;
        context.SetPayloadLength(length);
        var writer = context.GetBufferWriter();
        var message = writer.GetSpan(length);
        head[..headerBytes].CopyTo(message);
        var checksum = Checksum.CopyAndAppend(0, payload, message[headerBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(message[checksumAt..], checksum);
        writer.Advance(length);
        context.Complete();
    }

    /// <summary>
    /// Reads a message from any sender: fields in any order, unknown ones skipped.
    /// </summary>
    /// <exception cref="InvalidDataException">The bytes are not a protobuf message.</exception>
    internal static FrameHeader Read(
        in ReadOnlySequence<byte> message, out ReadOnlySequence<byte> payload)
    {
        var header = default(FrameHeader);
        payload = ReadOnlySequence<byte>.Empty;
        var reader = new SequenceReader<byte>(message);
        while (!reader.End)
        {
            var tag = ReadVarint(ref reader);
            var wireType = (int)(tag & 7);
            if (tag >> 3 == Frame.PayloadFieldNumber && wireType == Delimited)
            {
                payload = ReadDelimited(ref reader);
                continue;
            }

            var value = wireType switch
            {
                Varint => ReadVarint(ref reader),
                Fixed64 => reader.TryReadLittleEndian(out long wide) ? (ulong)wide : throw Torn(),
                Fixed32 => reader.TryReadLittleEndian(out int narrow) ? (uint)narrow : throw Torn(),
                Delimited => (ulong)ReadDelimited(ref reader).Length,
                _ => throw new InvalidDataException($"wire type {wireType} is unknown"),
            };
            header = With(header, tag, value);
        }

        return header;
    }

    private static FrameHeader With(in FrameHeader header, ulong tag, ulong value) => tag switch
    {
        Frame.JobFieldNumber << 3 | Fixed64 => header with { Job = value },
        Frame.GenerationFieldNumber << 3 => header with { Generation = (int)value },
        Frame.StepFieldNumber << 3 => header with { Step = (long)value },
        Frame.BucketFieldNumber << 3 => header with { Bucket = (int)value },
        Frame.PhaseFieldNumber << 3 => header with { Phase = (int)value },
        Frame.NodeFieldNumber << 3 => header with { Node = (int)value },
        Frame.OffsetFieldNumber << 3 => header with { Offset = (long)value },
        Frame.LengthFieldNumber << 3 => header with { Length = (int)value },
        Frame.ChecksumFieldNumber << 3 | Fixed32 => header with { Checksum = (uint)value },
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
            : WriteVarint(destination, Tag(destination, at, field, Varint), (ulong)value);

    private static int WriteVarint(Span<byte> destination, int at, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            destination[at++] = (byte)(value | 0x80);
        destination[at] = (byte)value;
        return at + 1;
    }

    private static ulong ReadVarint(ref SequenceReader<byte> reader)
    {
        var value = 0ul;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!reader.TryRead(out var part)) throw Torn();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw new InvalidDataException("a number is longer than ten bytes");
    }

    private static ReadOnlySequence<byte> ReadDelimited(ref SequenceReader<byte> reader)
    {
        var length = ReadVarint(ref reader);
        if (length > (ulong)reader.Remaining) throw Torn();
        var bytes = reader.UnreadSequence.Slice(0, (long)length);
        reader.Advance((long)length);
        return bytes;
    }

    private static InvalidDataException Torn() => new("the message ends in the middle of a field");
}
