using System.Buffers;

namespace Distributed.Collectives.Transport;

/// <summary>
/// Lends unmanaged memory as <see cref="Memory{T}"/>, so that gradients go out from where backward
/// wrote them. The owner of the memory must outlive it.
/// </summary>
public sealed unsafe class UnmanagedMemory(nint pointer, int byteLength) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => new((void*)pointer, byteLength);

    public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)pointer + elementIndex);

    public override void Unpin()
    {
        // Unmanaged memory does not move.
    }

    protected override void Dispose(bool disposing)
    {
        // The memory belongs to whoever allocated it.
    }
}
