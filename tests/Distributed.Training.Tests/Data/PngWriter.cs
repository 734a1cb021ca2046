using System.Buffers.Binary;
using System.IO.Compression;

namespace Distributed.Training.Tests.Data;

/// <summary>
/// Writes PNG files with every row filter and small chunks, as decoders must expect.
/// </summary>
internal static class PngWriter
{
    /// <summary>Rows take the filters 0 to 4 in turn, unless one is given.</summary>
    public static byte[] Write(
        int width, int height, int channels, byte[] pixels, int? filter = null,
        int chunkBytes = 100, byte bitDepth = 8, byte interlace = 0)
    {
        var rowBytes = width * channels;
        using var raw = new MemoryStream();
        for (var y = 0; y < height; y++)
        {
            var kind = filter ?? y % 5;
            raw.WriteByte((byte)kind);
            for (var x = 0; x < rowBytes; x++)
            {
                int left = x < channels ? 0 : pixels[(y * rowBytes) + x - channels];
                int above = y == 0 ? 0 : pixels[((y - 1) * rowBytes) + x];
                var corner = y == 0 || x < channels
                    ? 0 : pixels[((y - 1) * rowBytes) + x - channels];
                var predicted = kind switch
                {
                    0 => 0,
                    1 => left,
                    2 => above,
                    3 => (left + above) / 2,
                    4 => Paeth(left, above, corner),
                    _ => 0,
                };
                raw.WriteByte((byte)(pixels[(y * rowBytes) + x] - predicted));
            }
        }
        using var compressed = new MemoryStream();
        using (var deflate = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(raw.ToArray());
        }
        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n']);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = bitDepth;
        header[9] = (byte)(channels == 1 ? 0 : 2);
        header[12] = interlace;
        Chunk(file, "IHDR"u8, header);
        Chunk(file, "tEXt"u8, "Comment\0made by a test"u8);
        foreach (var part in compressed.ToArray().Chunk(chunkBytes))
        {
            Chunk(file, "IDAT"u8, part);
        }
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static int Paeth(int left, int above, int corner)
    {
        var estimate = left + above - corner;
        return new[] { left, above, corner }.MinBy(value => Math.Abs(estimate - value));
    }

    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc([.. type, .. data]));
        file.Write(number);
    }

    private static uint Crc(byte[] bytes)
    {
        var crc = 0xFFFFFFFF;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }
        return ~crc;
    }
}
