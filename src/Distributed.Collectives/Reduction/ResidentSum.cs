using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Adds the nodes of all ranks where they lie, in the plan's order, and stores the sum to all
/// ranks: block by block, so that partial sums stay in the processor's first cache.
/// </summary>
/// <remarks>Used by one thread; allocates nothing per call.</remarks>
public sealed unsafe class ResidentSum
{
    /// <summary>8 KiB: some blocks of partial sums fit the first cache together.</summary>
    private const int BlockElements = 2048;

    /// <summary>Ranks divide a bucket at cache lines: 16 floats.</summary>
    private const int LineElements = 16;

    private readonly float[] partials;
    private readonly Addition[] additions;
    private readonly nint[] outputs;

    /// <param name="plan">Of at least two ranks.</param>
    /// <param name="nodes">
    /// The nodes of each rank, in the plan's order, in memory that does not move and outlives this.
    /// </param>
    public ResidentSum(ReductionPlan plan, IReadOnlyList<IReadOnlyList<Memory<byte>>> nodes)
    {
        Invariant.Check(nodes.Count == plan.Map.RankCount, "every rank of the plan has nodes");
        Invariant.Check(plan.Adds.Count > 0, "a sum over ranks adds something");
        Operand[] slots =
            [.. nodes.SelectMany(rank => rank).Select(node => new Operand(Address(node), false))];
        Invariant.Check(slots.Length == plan.SlotCount, "the plan's slots are the ranks' nodes");
        outputs = [.. plan.FirstSlots.Select(slot => slots[slot].Address)];
        partials = GC.AllocateArray<float>(slots.Length * BlockElements, pinned: true);
        additions = new Addition[plan.Adds.Count];
        for (int index = 0; index < additions.Length; index++)
        {
            VectorAdd add = plan.Adds[index];
            nint partial = Marshal.UnsafeAddrOfPinnedArrayElement(
                partials, add.Target * BlockElements);
            additions[index] = new Addition(slots[add.Target], slots[add.Source], partial);
            slots[add.Target] = new Operand(partial, true);
        }
    }

    /// <summary>
    /// The part of a bucket that a rank sums: whole cache lines, but for the bucket's ends.
    /// </summary>
    public static (long Start, long End) Slice(long offset, long length, int rank, int rankCount)
    {
        long firstLine = offset / LineElements;
        long lines = (offset + length + LineElements - 1) / LineElements - firstLine;
        return (Boundary(rank), Boundary(rank + 1));

        long Boundary(int next) => Math.Clamp(
            (firstLine + lines * next / rankCount) * LineElements, offset, offset + length);
    }

    /// <summary>Sums the elements from start up to, not including, end.</summary>
    public void Sum(long start, long end)
    {
        for (long at = start; at < end;)
        {
            // All blocks but the first begin on a cache line.
            long blockEnd = Math.Min(end, at - at % LineElements + BlockElements);
            SumBlock(at, (int)(blockEnd - at));
            at = blockEnd;
        }
    }

    private void SumBlock(long at, int count)
    {
        int last = additions.Length - 1;
        for (int index = 0; index < last; index++)
        {
            ref readonly Addition add = ref additions[index];
            var partial = (float*)add.Partial;
            AddTwo(add.Left.From(at), add.Right.From(at), partial, partial, count);
        }

        ref readonly Addition root = ref additions[last];
        float* sum = (float*)outputs[0] + at;
        AddTwo(root.Left.From(at), root.Right.From(at), sum, (float*)outputs[1] + at, count);
        for (int rank = 2; rank < outputs.Length; rank++)
            new Span<float>(sum, count).CopyTo(new Span<float>((float*)outputs[rank] + at, count));
    }

    /// <summary>Adds into two places at once; either may be where an operand lies.</summary>
    private static void AddTwo(float* left, float* right, float* first, float* second, int count)
    {
        int at = 0;
        for (; at <= count - 2 * Vector256<float>.Count; at += 2 * Vector256<float>.Count)
        {
            Vector256<float> low = Vector256.Load(left + at) + Vector256.Load(right + at);
            Vector256<float> high = Vector256.Load(left + at + Vector256<float>.Count)
                + Vector256.Load(right + at + Vector256<float>.Count);
            low.Store(first + at);
            high.Store(first + at + Vector256<float>.Count);
            low.Store(second + at);
            high.Store(second + at + Vector256<float>.Count);
        }

        for (; at < count; at++)
            first[at] = second[at] = left[at] + right[at];
    }

    private static nint Address(Memory<byte> memory) =>
        (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory.Span));

    /// <summary>A node, or the partial sum of the current block.</summary>
    private readonly record struct Operand(nint Address, bool IsPartial)
    {
        public float* From(long element) => (float*)Address + (IsPartial ? 0 : element);
    }

    private readonly record struct Addition(Operand Left, Operand Right, nint Partial);
}
