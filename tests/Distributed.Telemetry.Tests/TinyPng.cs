using System.Buffers.Binary;
using System.IO.Compression;

namespace Distributed.Telemetry.Tests;

/// <summary>A grey picture without anything on it.</summary>
internal static class TinyPng
{
    public static byte[] Grey(int width, int height)
    {
        using var rows = new MemoryStream();
        using (var deflate = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(new byte[(width + 1) * height]);
        }
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8;
        return
        [
            0x89, .. "PNG\r\n\x1a\n"u8, .. Chunk("IHDR"u8, header),
            .. Chunk("IDAT"u8, rows.ToArray()), .. Chunk("IEND"u8, []),
        ];
    }

    /// <summary>The checksum is left out: nobody here looks at it.</summary>
    private static byte[] Chunk(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> content)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        return [.. length, .. kind, .. content, 0, 0, 0, 0];
    }
}
