using System.Buffers.Binary;
using System.IO.Compression;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>Writes images as PNG.</summary>
public static class PngImage
{
    /// <summary>One image as a dataset holds it, of one channel (grey) or three (RGB).</summary>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, ImageShape shape)
    {
        Invariant.Check(
            shape.Channels is 1 or 3 && pixels.Length == shape.Length,
            $"{pixels.Length} bytes are an image of {shape}");
        using var rows = new MemoryStream();
        using (var deflate = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            var plane = shape.Height * shape.Width;
            for (var pixel = 0; pixel < plane; pixel++)
            {
                if (pixel % shape.Width == 0)
                {
                    deflate.WriteByte(0); // A row without a filter.
                }
                for (var channel = 0; channel < shape.Channels; channel++)
                {
                    deflate.WriteByte(pixels[(channel * plane) + pixel]);
                }
            }
        }

        const byte greyType = 0, colourType = 2;
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, shape.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), shape.Height);
        header[8] = 8;
        header[9] = shape.Channels == 1 ? greyType : colourType;
        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, rows.ToArray());
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static void WriteChunk(
        MemoryStream file, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> content)
    {
        byte[] named = [.. kind, .. content];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(named);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(named));
        file.Write(number);
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
            }
        }
        return ~crc;
    }
}
