using System.Buffers.Binary;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// One split of a dataset: images of one shape as bytes (N,C,H,W) and a label for each. Immutable;
/// any number of threads may read it. Images live in a memory-mapped file, so opening one costs
/// next to nothing and a span into it is valid until Dispose.
/// </summary>
public sealed class Dataset : IDisposable
{
    private readonly MappedFile? _file;
    private readonly byte[] _memory;
    private readonly long _firstImageOffset;
    private readonly int[] _labels;

    private Dataset(
        string name, DatasetSplit split, ImageShape shape, IReadOnlyList<string> classNames,
        int count, int[] labels, MappedFile? file, byte[] memory, long firstImageOffset)
    {
        Name = name;
        Split = split;
        Shape = shape;
        ClassNames = classNames;
        Count = count;
        _labels = labels;
        _file = file;
        _memory = memory;
        _firstImageOffset = firstImageOffset;
    }

    public string Name { get; }

    public DatasetSplit Split { get; }

    public int Count { get; }

    public ImageShape Shape { get; }

    /// <summary>One name a label, in label order.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>
    /// The bytes of one image, channel by channel, without a copy; the next image's follow them.
    /// </summary>
    public ReadOnlySpan<byte> Image(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        var offset = _firstImageOffset + ((long)index * Shape.Length);
        return _file is null
            ? _memory.AsSpan(checked((int)offset), Shape.Length)
            : _file.Span(offset, Shape.Length);
    }

    /// <summary>All labels, in order.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    public int Label(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return _labels[index];
    }

    /// <summary>
    /// The first <paramref name="count"/> samples, or all when there are fewer. Shares the mapped
    /// file: disposing either closes both.
    /// </summary>
    public Dataset Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return new Dataset(
            Name, Split, Shape, ClassNames, Math.Min(count, Count), _labels, _file, _memory,
            _firstImageOffset);
    }

    /// <summary>
    /// A dataset over memory, for tests and for callers with images of their own.
    /// </summary>
    public static Dataset FromMemory(
        string name, DatasetSplit split, ImageShape shape, IReadOnlyList<string> classNames,
        byte[] images, int[] labels)
    {
        Invariant.Check(
            images.LongLength == (long)labels.Length * shape.Length,
            $"{labels.Length} labels need {(long)labels.Length * shape.Length} bytes of images");
        CheckLabels(name, labels, classNames.Count, "give labels of known classes");
        return new Dataset(
            name, split, shape, classNames, labels.Length, labels, null, images, 0);
    }

    /// <summary>
    /// Opens a pair of IDX files; every mismatch names the file and how to mend it.
    /// </summary>
    internal static Dataset Open(
        string name, DatasetSplit split, ImageShape shape, IReadOnlyList<string> classNames,
        string imagesPath, string labelsPath, int expectedCount, string mend)
    {
        var labels = ReadLabels(labelsPath, mend);
        if (labels.Length != expectedCount)
        {
            throw new OperatingException(
                $"{labelsPath} has {labels.Length} labels, expected {expectedCount}; {mend}");
        }
        CheckLabels(labelsPath, labels, classNames.Count, mend);

        var file = OpenFile(imagesPath, mend);
        try
        {
            var header = IdxHeader.Read(file, mend);
            var expected = IdxHeader.ForImages(expectedCount, shape);
            if (header.ElementType != expected.ElementType
                || !header.Dimensions.SequenceEqual(expected.Dimensions))
            {
                throw new OperatingException(
                    $"{imagesPath} has magic {header.Magic} and dimensions "
                    + $"{string.Join('x', header.Dimensions)}, expected {expected.Magic} and "
                    + $"{string.Join('x', expected.Dimensions)}; {mend}");
            }
            return new Dataset(
                name, split, shape, classNames, expectedCount, labels, new MappedFile(file), [],
                header.ByteLength);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file?.Dispose();

    internal static FileStream OpenFile(string path, string mend)
    {
        try
        {
            return new FileStream(
                path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var what = error is FileNotFoundException or DirectoryNotFoundException
                ? "is missing"
                : $"cannot be read ({error.Message})";
            throw new OperatingException($"{path} {what}; {mend}", inner: error);
        }
    }

    internal static int[] ReadLabels(string path, string mend)
    {
        using var file = OpenFile(path, mend);
        var header = IdxHeader.Read(file, mend);
        if (header.Dimensions.Count != 1)
        {
            throw new OperatingException(
                $"{path} has magic {header.Magic}, expected labels (0x00000801); {mend}");
        }
        var bytes = new byte[header.PayloadBytes];
        file.Position = header.ByteLength;
        file.ReadExactly(bytes);
        var labels = new int[header.Dimensions[0]];
        for (var index = 0; index < labels.Length; index++)
        {
            labels[index] = header.ElementType == IdxHeader.UnsignedByte
                ? bytes[index]
                : BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4 * index));
        }
        return labels;
    }

    private static void CheckLabels(string where, int[] labels, int classCount, string mend)
    {
        // One unsigned comparison catches labels below 0 as well.
        var bad = Array.FindIndex(labels, label => (uint)label >= (uint)classCount);
        if (bad >= 0)
        {
            throw new OperatingException(
                $"{where} has label {labels[bad]} at sample {bad}, expected 0 to "
                + $"{classCount - 1}; {mend}");
        }
    }
}
