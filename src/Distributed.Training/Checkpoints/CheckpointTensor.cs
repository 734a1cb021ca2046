using System.Runtime.InteropServices;
using Distributed.Kernel;

namespace Distributed.Training.Checkpoints;

/// <summary>Gives a tensor's values while they are written; nothing is copied.</summary>
public delegate ReadOnlySpan<float> FloatSource();

/// <summary>
/// A tensor on its way into a file. Values are asked for when they are written and must stay as
/// they are until then, so that a source over unmanaged memory needs no copy.
/// </summary>
public sealed class CheckpointTensor
{
    private readonly FloatSource? floats;
    private readonly ReadOnlyMemory<long> integers;

    private CheckpointTensor(
        string name, int[] shape, FloatSource? floats, ReadOnlyMemory<long> integers)
    {
        Invariant.Check(shape.All(size => size >= 0), $"{name} has a negative size");
        Name = name;
        Shape = shape;
        this.floats = floats;
        this.integers = integers;
    }

    public string Name { get; }

    /// <summary>Empty for a single number.</summary>
    public IReadOnlyList<int> Shape { get; }

    public long Length => Shape.Aggregate(1L, (product, size) => product * size);

    public long ByteLength => Length * (floats is null ? sizeof(long) : sizeof(float));

    internal string ElementWord =>
        floats is null ? SafeTensors.Int64Word : SafeTensors.Float32Word;

    public static CheckpointTensor Float32(string name, int[] shape, FloatSource values) =>
        new(name, shape, values, default);

    public static CheckpointTensor Float32(
        string name, int[] shape, ReadOnlyMemory<float> values) =>
        new(name, shape, () => values.Span, default);

    public static CheckpointTensor Int64(string name, int[] shape, ReadOnlyMemory<long> values) =>
        new(name, shape, null, values);

    internal void WriteTo(Stream stream)
    {
        // A span of bytes is limited to 2 GiB, so large tensors go in parts.
        const int partElements = 1 << 20;
        if (floats is null)
        {
            Invariant.Check(integers.Length == Length, $"{Name} has {integers.Length} elements");
            stream.Write(MemoryMarshal.AsBytes(integers.Span));
            return;
        }
        var values = floats();
        Invariant.Check(values.Length == Length,
            $"{Name} has {values.Length} elements, its shape {Length}");
        for (var start = 0; start < values.Length; start += partElements)
        {
            var count = Math.Min(partElements, values.Length - start);
            stream.Write(MemoryMarshal.AsBytes(values.Slice(start, count)));
        }
    }
}
