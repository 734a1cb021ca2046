using System.Buffers.Binary;
using System.IO.Compression;
using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// Images of ten classes that a network can learn to tell apart: stripes of a direction and width
/// for each class, at a drawn place and under noise. A folder of PNG files for this program, and
/// the same pixels in one file for the peers.
/// </summary>
internal sealed class DrawnDataset
{
    public const int ClassCount = 10;
    public const int TrainCount = 4000;

    private const int TestPerClass = 2;
    private const int PaintTones = 3;

    private readonly ImageShape _shape;

    private DrawnDataset(ImageShape shape, string folder)
    {
        _shape = shape;
        Folder = folder;
    }

    /// <summary>For `train --dataset`.</summary>
    public string Folder { get; }

    public string ImagesFile => $"{Folder}-images";

    public string LabelsFile => $"{Folder}-labels";

    public static DrawnDataset Write(ImageShape shape, string folder)
    {
        var dataset = new DrawnDataset(shape, folder);
        using FileStream images = File.Create(dataset.ImagesFile);
        using FileStream labels = File.Create(dataset.LabelsFile);
        for (int index = 0; index < TrainCount; index++)
        {
            byte[] pixels = dataset.Draw(index);
            dataset.WritePng("train", index, pixels);
            images.Write(pixels);
            labels.WriteByte((byte)(index % ClassCount));
        }

        for (int index = TrainCount; index < TrainCount + ClassCount * TestPerClass; index++)
            dataset.WritePng("test", index, dataset.Draw(index));
        return dataset;
    }

    /// <summary>One plane after the other; the class is the index modulo their number.</summary>
    private byte[] Draw(int index)
    {
        int label = index % ClassCount;
        ulong key = CounterRandom.Key(17, (ulong)index);
        double angle = Math.PI * label / ClassCount;
        double waves = 2 + label % PaintTones;
        double phase = 2 * Math.PI * CounterRandom.UnitDouble(key, 0);
        var pixels = new byte[_shape.Length];
        for (int at = 0; at < pixels.Length; at++)
        {
            int pixel = at % (_shape.Height * _shape.Width);
            double x = (double)(pixel % _shape.Width) / _shape.Width;
            double y = (double)(pixel / _shape.Width) / _shape.Width;
            double along = x * Math.Cos(angle) + y * Math.Sin(angle);
            double stripe = Math.Sin(2 * Math.PI * waves * along + phase);
            double noise = CounterRandom.UnitDouble(key, (ulong)at + 1) - 0.5;
            pixels[at] = (byte)Math.Clamp(128 + 60 * stripe + 140 * noise, 0, 255);
        }

        return pixels;
    }

    private void WritePng(string split, int index, byte[] pixels)
    {
        string folder = Path.Combine(Folder, split, $"class{index % ClassCount}");
        Directory.CreateDirectory(folder);
        using var rows = new MemoryStream();
        using (var deflate = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            int plane = _shape.Height * _shape.Width;
            for (int pixel = 0; pixel < plane; pixel++)
            {
                if (pixel % _shape.Width == 0)
                    deflate.WriteByte(0); // A row without a filter.
                for (int channel = 0; channel < _shape.Channels; channel++)
                    deflate.WriteByte(pixels[channel * plane + pixel]);
            }
        }

        const byte greyType = 0, colourType = 2;
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, _shape.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), _shape.Height);
        header[8] = 8;
        header[9] = _shape.Channels == 1 ? greyType : colourType;
        using FileStream file = File.Create(Path.Combine(folder, $"{index:D6}.png"));
        file.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, rows.ToArray());
        WriteChunk(file, "IEND"u8, []);
    }

    private static void WriteChunk(
        FileStream file, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> content)
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
