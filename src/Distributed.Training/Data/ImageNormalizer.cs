using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// Turns image bytes into network input: (value / 255 - mean) / deviation of the channel, in the
/// order and the precision of torchvision, through a table of all 256 values a channel. Padding is
/// black before normalisation, so it becomes the table's first entry and not 0.
/// Not thread-safe (it owns scratch rows); writes without allocating.
/// </summary>
public sealed class ImageNormalizer
{
    private const int TableLength = 256;

    private readonly float[][] _tables;
    private readonly int[] _rows;
    private readonly int[] _columns;

    /// <summary>
    /// One source row and, after it, a black pixel that outside columns point to.
    /// </summary>
    private readonly byte[] _row;

    public ImageNormalizer(
        ImageShape shape, IReadOnlyList<double> mean, IReadOnlyList<double> standardDeviation)
    {
        Invariant.Check(
            mean.Count == shape.Channels && standardDeviation.Count == shape.Channels,
            "one mean and one deviation a channel");
        Shape = shape;
        _tables = new float[shape.Channels][];
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            _tables[channel] = new float[TableLength];
            for (var value = 0; value < TableLength; value++)
            {
                _tables[channel][value] =
                    ((value / 255f) - (float)mean[channel]) / (float)standardDeviation[channel];
            }
        }
        _rows = new int[shape.Height];
        _columns = new int[shape.Width];
        _row = new byte[shape.Width + 1];
    }

    public ImageShape Shape { get; }

    /// <summary>What the bytes of the channels become: 256 numbers a channel.</summary>
    public float[] Values() => [.. _tables.SelectMany(table => table)];

    /// <summary>Normalises one image, or several that lie one after another.</summary>
    public void Write(ReadOnlySpan<byte> images, Span<float> output)
    {
        Invariant.Check(
            images.Length % Shape.Length == 0 && output.Length >= images.Length,
            "whole images, and room for them");
        var plane = Shape.Height * Shape.Width;
        for (var offset = 0; offset < images.Length; offset += plane)
        {
            LookUp(
                _tables[offset / plane % Shape.Channels],
                images.Slice(offset, plane), output.Slice(offset, plane));
        }
    }

    /// <summary>Normalises one image, changed by an augmentation on the way.</summary>
    public void Write(
        ReadOnlySpan<byte> image, Span<float> output,
        in Augmentation augmentation, CropPaddingMode mode)
    {
        Invariant.Check(
            image.Length == Shape.Length && output.Length >= Shape.Length,
            "one image, and room for it");
        var (channels, height, width) = Shape;
        augmentation.SourceRows(_rows, mode);
        augmentation.SourceColumns(_columns, mode);
        _columns.AsSpan().Replace(Augmentation.Black, width);
        for (var channel = 0; channel < channels; channel++)
        {
            var table = _tables[channel];
            var plane = channel * height * width;
            for (var y = 0; y < height; y++)
            {
                var target = output.Slice(plane + (y * width), width);
                if (_rows[y] == Augmentation.Black)
                {
                    target.Fill(table[0]);
                    continue;
                }
                image.Slice(plane + (_rows[y] * width), width).CopyTo(_row);
                LookUp(table, _row, _columns, target);
            }
            for (var y = augmentation.CutoutTop; y < augmentation.CutoutBottom; y++)
            {
                var begin = plane + (y * width);
                output[(begin + augmentation.CutoutLeft)..(begin + augmentation.CutoutRight)]
                    .Clear();
            }
        }
    }

    // The tables have an entry for every byte and the columns were just made from the width, so
    // these two loops, where a batch spends its time, go without bounds checks.
    private static void LookUp(float[] table, ReadOnlySpan<byte> source, Span<float> target)
    {
        ref var entries = ref MemoryMarshal.GetArrayDataReference(table);
        ref var first = ref MemoryMarshal.GetReference(source);
        ref var output = ref MemoryMarshal.GetReference(target);
        for (nint index = 0; index < source.Length; index++)
        {
            var pixel = Unsafe.Add(ref first, index);
            Unsafe.Add(ref output, index) = Unsafe.Add(ref entries, (nint)pixel);
        }
    }

    private static void LookUp(float[] table, byte[] row, int[] columns, Span<float> target)
    {
        ref var entries = ref MemoryMarshal.GetArrayDataReference(table);
        ref var pixels = ref MemoryMarshal.GetArrayDataReference(row);
        ref var sources = ref MemoryMarshal.GetArrayDataReference(columns);
        ref var output = ref MemoryMarshal.GetReference(target);
        for (nint index = 0; index < columns.Length; index++)
        {
            var pixel = Unsafe.Add(ref pixels, (nint)Unsafe.Add(ref sources, index));
            Unsafe.Add(ref output, index) = Unsafe.Add(ref entries, (nint)pixel);
        }
    }
}
