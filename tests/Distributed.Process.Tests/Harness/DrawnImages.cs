using System.Buffers.Binary;
using System.IO.Compression;
using Distributed.Kernel;

namespace Distributed.Process.Tests;

/// <summary>
/// An image folder of ten classes that a small network can tell apart: stripes of a direction and
/// width for each class, at a drawn place and under noise. The same files at every call.
/// </summary>
internal static class DrawnImages
{
    public const int ClassCount = 10;
    public const int TrainPerClass = 40;
    public const int TestPerClass = 10;

    private const int Side = 28;

    public static string ClassName(int label) => $"stripes{label}";

    public static void Write(string folder)
    {
        for (int label = 0; label < ClassCount; label++)
        {
            WriteClass(Path.Combine(folder, "train", ClassName(label)), label, 0, TrainPerClass);
            WriteClass(
                Path.Combine(folder, "test", ClassName(label)), label, TrainPerClass, TestPerClass);
        }
    }

    private static void WriteClass(string folder, int label, int first, int count)
    {
        Directory.CreateDirectory(folder);
        for (int index = first; index < first + count; index++)
            File.WriteAllBytes(Path.Combine(folder, $"{index:D3}.png"), Png(Draw(label, index)));
    }

    private static byte[] Draw(int label, int index)
    {
        ulong key = CounterRandom.Key(17, (ulong)label, (ulong)index);
        double angle = Math.PI * label / ClassCount;
        double waves = 2 + label % 3;
        double phase = 2 * Math.PI * CounterRandom.UnitDouble(key, 0);
        var pixels = new byte[Side * Side];
        for (int pixel = 0; pixel < pixels.Length; pixel++)
        {
            double along = (pixel % Side * Math.Cos(angle) + pixel / Side * Math.Sin(angle)) / Side;
            double stripe = Math.Sin(2 * Math.PI * waves * along + phase);
            double noise = CounterRandom.UnitDouble(key, (ulong)pixel + 1) - 0.5;
            pixels[pixel] = (byte)Math.Clamp(128 + 80 * stripe + 100 * noise, 0, 255);
        }

        return pixels;
    }

    /// <summary>An 8-bit grey PNG, each row without a filter.</summary>
    private static byte[] Png(byte[] pixels)
    {
        using var rows = new MemoryStream();
        using (var deflate = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int row = 0; row < Side; row++)
            {
                deflate.WriteByte(0);
                deflate.Write(pixels, row * Side, Side);
            }
        }

        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, Side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Side);
        header[8] = 8;
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
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
        }

        return ~crc;
    }
}
