using System.Buffers.Binary;

namespace Distributed.Training.Data;

/// <summary>Writes a new IDX file; samples may come in any order, at their own index.</summary>
internal sealed class IdxWriter : IDisposable
{
    private readonly FileStream _file;
    private readonly IdxHeader _header;
    private readonly int _sampleBytes;

    private IdxWriter(string path, IdxHeader header)
    {
        _header = header;
        _sampleBytes = (int)(header.PayloadBytes / Math.Max(header.Dimensions[0], 1));
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        _file.SetLength(header.FileBytes);
        _file.Write(header.ToBytes());
    }

    public static IdxWriter Images(string path, int count, ImageShape shape) =>
        new(path, IdxHeader.ForImages(count, shape));

    /// <summary>Writes whole samples, the first at <paramref name="index"/>.</summary>
    public void Write(int index, ReadOnlySpan<byte> samples)
    {
        _file.Position = _header.ByteLength + ((long)index * _sampleBytes);
        _file.Write(samples);
    }

    public static void WriteLabels(string path, IReadOnlyList<int> labels, int classCount)
    {
        var header = IdxHeader.ForLabels(labels.Count, classCount);
        var bytes = new byte[header.PayloadBytes];
        for (var index = 0; index < labels.Count; index++)
        {
            if (header.ElementBytes == 1)
            {
                bytes[index] = (byte)labels[index];
            }
            else
            {
                BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * index), labels[index]);
            }
        }
        using var writer = new IdxWriter(path, header);
        writer.Write(0, bytes);
    }

    public void Dispose() => _file.Dispose();
}
