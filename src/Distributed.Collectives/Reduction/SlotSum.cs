using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Adds float32 vectors where they lie, block by block, so that a sum that is added on is still in
/// the processor's first cache.
/// </summary>
/// <remarks>Allocates nothing per call.</remarks>
/// <param name="adds">In order.</param>
/// <param name="slots">The vectors, which outlive this.</param>
public sealed class SlotSum(IReadOnlyList<VectorAdd> adds, IReadOnlyList<Memory<byte>> slots)
{
    /// <summary>8 KiB: some blocks fit the first cache together.</summary>
    private const int BlockElements = 2048;

    private readonly VectorAdd[] adds = [.. adds];
    private readonly Memory<byte>[] slots = [.. slots];

    /// <summary>Sums the elements from start up to, not including, end.</summary>
    public void Sum(long start, long end)
    {
        for (long at = start; at < end; at += BlockElements)
        {
            int count = (int)Math.Min(end - at, BlockElements);
            foreach (VectorAdd add in adds)
            {
                Span<float> target = Floats(add.Target, at, count);
                TensorPrimitives.Add(target, Floats(add.Source, at, count), target);
            }
        }
    }

    private Span<float> Floats(int slot, long at, int count) => MemoryMarshal.Cast<byte, float>(
        slots[slot].Span.Slice(checked((int)(at * sizeof(float))), count * sizeof(float)));
}
