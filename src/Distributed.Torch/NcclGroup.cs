using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>The vector in slot Source is added to the one in slot Target.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SlotAddition(int Target, int Source);

/// <summary>
/// Ranks with a device of their own each, whose gradients are summed where they lie. One thread at
/// a time uses it; <see cref="Abort"/> may come from any, and is all that ends a wait for a rank
/// that does not come. What fails is a <see cref="TorchException"/>.
/// </summary>
public sealed unsafe class NcclGroup : IDisposable
{
    private readonly NcclHandle _handle;

    private NcclGroup(NcclHandle handle) => _handle = handle;

    /// <summary>Begins to connect, and does not wait for the others.</summary>
    /// <param name="id">The same for all ranks.</param>
    /// <param name="rank">From 0 on.</param>
    /// <param name="count">Two or more.</param>
    public static NcclGroup Create(ReadOnlySpan<byte> id, int rank, int count)
    {
        TorchLibrary.RequireInitialized();
        ArgumentOutOfRangeException.ThrowIfNotEqual(id.Length, NcclLibrary.IdLength, nameof(id));
        fixed (byte* start = id)
        {
            NativeMethods.Check(NativeMethods.NcclCreate(start, rank, count, out var handle));
            return new NcclGroup(handle);
        }
    }

    /// <summary>Waits until all ranks have come.</summary>
    public void Connect(TimeSpan timeout) =>
        NativeMethods.Check(NativeMethods.NcclConnect(_handle, timeout.TotalSeconds));

    /// <summary>Says who contributes what, before the first sum.</summary>
    /// <param name="nodeCounts">By rank; nodes are slots, from left to right.</param>
    /// <param name="adds">In order; the last is into slot 0. Empty where every rank has one node
    /// and any order will do.</param>
    public void Plan(ReadOnlySpan<int> nodeCounts, ReadOnlySpan<SlotAddition> adds)
    {
        fixed (int* counts = nodeCounts)
        fixed (SlotAddition* first = adds)
            NativeMethods.Check(NativeMethods.NcclPlan(_handle, counts, first, adds.Length));
    }

    /// <summary>
    /// Sums a range of all ranks' nodes into the first node of each. They are complete already, lie
    /// on the device, and are in use until <see cref="Finish"/>.
    /// </summary>
    public void Reduce(ReadOnlySpan<nint> nodes, ElementType type, long offset, long length)
    {
        fixed (nint* first = nodes)
        {
            NativeMethods.Check(
                NativeMethods.NcclReduce(_handle, first, (int)type, offset, length));
        }
    }

    /// <summary>Waits until all sums are there.</summary>
    public void Finish() => NativeMethods.Check(NativeMethods.NcclFinish(_handle));

    /// <summary>
    /// Wakes the thread that uses the group, whose calls fail from now on with
    /// <see cref="TorchErrorCode.Aborted"/>. Any thread may call, and does not wait.
    /// </summary>
    public void Abort() => NativeMethods.Check(NativeMethods.NcclAbort(_handle));

    /// <summary>When it returns, nothing is in use any more. It waits for no rank.</summary>
    public void Dispose() => _handle.Dispose();
}
