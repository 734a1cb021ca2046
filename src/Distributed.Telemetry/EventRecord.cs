using System.Buffers.Binary;
using Distributed.Kernel;

namespace Distributed.Telemetry;

/// <summary>
/// The frame around each event: u64 length, masked checksum of the length, data, masked checksum of
/// the data; all little-endian.
/// </summary>
internal static class EventRecord
{
    public const int HeaderLength = sizeof(ulong) + sizeof(uint);
    public const int FooterLength = sizeof(uint);

    /// <summary>No event of ours comes near; a larger length is a corrupt one.</summary>
    public const int DataLengthMax = 1 << 28;

    public static void Write(Stream stream, ReadOnlySpan<byte> data)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(
            header[sizeof(ulong)..], Crc32C.Mask(Crc32C.Compute(header[..sizeof(ulong)])));
        stream.Write(header);
        stream.Write(data);
        Span<byte> footer = stackalloc byte[FooterLength];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Crc32C.Mask(Crc32C.Compute(data)));
        stream.Write(footer);
    }

    /// <summary>The next record's data, null at the end; throws what is wrong with it.</summary>
    public static byte[]? Read(Stream stream, string path)
    {
        var position = stream.Position;
        Span<byte> header = stackalloc byte[HeaderLength];
        var read = stream.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false);
        if (read == 0)
        {
            return null;
        }
        Require(read == HeaderLength, path, position, "its header is cut off");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(header);
        Require(
            BinaryPrimitives.ReadUInt32LittleEndian(header[sizeof(ulong)..])
                == Crc32C.Mask(Crc32C.Compute(header[..sizeof(ulong)])),
            path, position, "the checksum of its length is wrong");
        Require(length <= DataLengthMax, path, position, $"it is {length} bytes long");
        var data = new byte[length];
        read = stream.ReadAtLeast(data, data.Length, throwOnEndOfStream: false);
        Require(read == data.Length, path, position, "its data are cut off");
        Span<byte> footer = stackalloc byte[FooterLength];
        read = stream.ReadAtLeast(footer, FooterLength, throwOnEndOfStream: false);
        Require(read == FooterLength, path, position, "its checksum is cut off");
        Require(
            BinaryPrimitives.ReadUInt32LittleEndian(footer) == Crc32C.Mask(Crc32C.Compute(data)),
            path, position, "the checksum of its data is wrong");
        return data;
    }

    private static void Require(bool condition, string path, long position, string what)
    {
        if (!condition)
        {
            throw new OperatingException(
                $"{path}: the record at byte {position} is corrupt ({what}), expected a whole "
                + "event; what comes before it can be read");
        }
    }
}
