using System.Buffers.Binary;
using System.Numerics;
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

    private const uint MaskDelta = 0xA282EAD8;

    public static void Write(Stream stream, ReadOnlySpan<byte> data)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(
            header[sizeof(ulong)..], Mask(Crc32C.Compute(header[..sizeof(ulong)])));
        stream.Write(header);
        stream.Write(data);
        Span<byte> footer = stackalloc byte[FooterLength];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Mask(Crc32C.Compute(data)));
        stream.Write(footer);
    }

    /// <summary>The next record's data, null at the end; throws what is wrong with it.</summary>
    public static byte[]? Read(Stream stream, string path)
    {
        var position = stream.Position;
        var (data, problem) = Next(stream);
        return problem is null
            ? data
            : throw new OperatingException(
                $"{path}: the record at byte {position} is corrupt ({problem}), expected a whole "
                + "event; what comes before it can be read");
    }

    /// <summary>The next record's data, null at the end and where it is not whole.</summary>
    public static byte[]? TryRead(Stream stream) => Next(stream).Data;

    /// <summary>
    /// A checksum over data that holds its own checksum is weak, so it is rotated and shifted.
    /// </summary>
    internal static uint Mask(uint checksum) =>
        BitOperations.RotateRight(checksum, 15) + MaskDelta;

    private static (byte[]? Data, string? Problem) Next(Stream stream)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        var read = stream.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false);
        if (read == 0)
        {
            return (null, null);
        }
        if (read < HeaderLength)
        {
            return (null, "its header is cut off");
        }
        var length = BinaryPrimitives.ReadUInt64LittleEndian(header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[sizeof(ulong)..])
            != Mask(Crc32C.Compute(header[..sizeof(ulong)])))
        {
            return (null, "the checksum of its length is wrong");
        }
        if (length > DataLengthMax)
        {
            return (null, $"it is {length} bytes long");
        }
        var data = new byte[length];
        if (stream.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length)
        {
            return (null, "its data are cut off");
        }
        Span<byte> footer = stackalloc byte[FooterLength];
        if (stream.ReadAtLeast(footer, FooterLength, throwOnEndOfStream: false) < FooterLength)
        {
            return (null, "its checksum is cut off");
        }
        return BinaryPrimitives.ReadUInt32LittleEndian(footer) == Mask(Crc32C.Compute(data))
            ? (data, null)
            : (null, "the checksum of its data is wrong");
    }
}
