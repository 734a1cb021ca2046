using System.Buffers.Binary;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;

namespace Distributed.Runtime.DataPlane;

/// <summary>The message StateChunk of data_plane.proto, without protobuf's copies.</summary>
internal static class StateChunkCodec
{
    private const int HeadTag = StateChunk.HeadFieldNumber << 3 | ProtobufReader.Delimited;
    private const int ChecksumTag = StateChunk.ChecksumFieldNumber << 3 | ProtobufReader.Fixed32;
    private const int PayloadTag = StateChunk.PayloadFieldNumber << 3 | ProtobufReader.Delimited;

    /// <summary>Writes all that stands before the payload's bytes; returns its length.</summary>
    internal static int WriteHead(ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        destination[0] = ChecksumTag;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[1..], Crc32C.Compute(payload));
        destination[5] = PayloadTag;
        var at = 6;
        var length = (uint)payload.Length;
        for (; length >= 0x80; length >>= 7)
            destination[at++] = (byte)(length | 0x80);
        destination[at] = (byte)length;
        return at + 1;
    }

    /// <summary>Reads a message from any sender.</summary>
    /// <exception cref="InvalidDataException">It is no such message.</exception>
    internal static (StateHead? Head, uint Checksum) Read(
        ReadOnlySpan<byte> message, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        StateHead? head = null;
        var checksum = 0u;
        var reader = new ProtobufReader(message, message.Length);
        while (!reader.IsAtEnd && reader.TryNext())
        {
            switch (reader.Tag)
            {
                case HeadTag:
                    head = StateHead.Parser.ParseFrom(
                        message.Slice(reader.Start, (int)reader.Value));
                    break;
                case ChecksumTag:
                    checksum = (uint)reader.Value;
                    break;
                case PayloadTag:
                    payload = message.Slice(reader.Start, (int)reader.Value);
                    break;
            }
        }

        return (head, checksum);
    }
}
