using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>Writes images as PNG.</summary>
public static class PngImage
{
    private const int NumberBytes = 4;

    private static readonly uint[] CrcOfByte = [.. CrcsOfBytes()];

    /// <summary>One image as a dataset holds it, of one channel (grey) or three (RGB).</summary>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, ImageShape shape)
    {
        Invariant.Check(
            shape.Channels is 1 or 3 && pixels.Length == shape.Length,
            $"{pixels.Length} bytes are an image of {shape}");
        var length = shape.Length + shape.Height;
        var rows = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Interleave(pixels, shape, rows.AsSpan(0, length));
            return EncodeRows(rows.AsSpan(0, length), shape);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rows);
        }
    }

    private static byte[] EncodeRows(ReadOnlySpan<byte> rows, ImageShape shape)
    {
        const byte greyType = 0, colourType = 2;
        Span<byte> header = stackalloc byte[13];
        header.Clear();
        BinaryPrimitives.WriteInt32BigEndian(header, shape.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[NumberBytes..], shape.Height);
        header[8] = 8;
        header[9] = shape.Channels == 1 ? greyType : colourType;
        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        var start = BeginChunk(file, "IHDR"u8);
        file.Write(header);
        EndChunk(file, start);
        start = BeginChunk(file, "IDAT"u8);
        using (var deflate = new ZLibStream(file, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(rows);
        }
        EndChunk(file, start);
        EndChunk(file, BeginChunk(file, "IEND"u8));
        return file.ToArray();
    }

    /// <summary>
    /// Rows without a filter, pixel by pixel. Optimised at its first call, because most processes
    /// encode too few images to get there otherwise.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Interleave(ReadOnlySpan<byte> pixels, ImageShape shape, Span<byte> rows)
    {
        int width = shape.Width, plane = shape.Height * width;
        var rowLength = 1 + (width * shape.Channels);
        for (var y = 0; y < shape.Height; y++)
        {
            var row = rows.Slice(y * rowLength, rowLength);
            row[0] = 0;
            row = row[1..];
            var red = pixels.Slice(y * width, width);
            if (shape.Channels == 1)
            {
                red.CopyTo(row);
                continue;
            }
            var green = pixels.Slice(plane + (y * width), width);
            var blue = pixels.Slice((2 * plane) + (y * width), width);
            for (int x = 0, place = 0; x < width; x++, place += 3)
            {
                row[place] = red[x];
                row[place + 1] = green[x];
                row[place + 2] = blue[x];
            }
        }
    }

    /// <summary>Returns where the chunk's checksum begins.</summary>
    private static int BeginChunk(MemoryStream file, ReadOnlySpan<byte> kind)
    {
        file.Write([0, 0, 0, 0]);
        var start = (int)file.Position;
        file.Write(kind);
        return start;
    }

    private static void EndChunk(MemoryStream file, int start)
    {
        var written = file.GetBuffer().AsSpan(0, (int)file.Length);
        BinaryPrimitives.WriteInt32BigEndian(
            written.Slice(start - NumberBytes, NumberBytes),
            written.Length - start - NumberBytes);
        Span<byte> crc = stackalloc byte[NumberBytes];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32(written[start..]));
        file.Write(crc);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var ofByte = CrcOfByte;
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc = (crc >> 8) ^ ofByte[(byte)(crc ^ value)];
        }
        return ~crc;
    }

    private static IEnumerable<uint> CrcsOfBytes()
    {
        for (uint value = 0; value < 256; value++)
        {
            var crc = value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
            }
            yield return crc;
        }
    }
}
