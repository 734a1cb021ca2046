using System.Buffers;
using System.Runtime.InteropServices;

using Distributed.Kernel;

namespace Distributed.Torch;

/// <summary>
/// Memory outside the garbage collector's heap, aligned to 64 bytes, in large pages where the
/// system has some. A model that is bound to it keeps it alive, so that disposing it early cannot
/// leave native code with a dangling pointer.
/// </summary>
public sealed unsafe partial class NativeBuffer : SafeHandle
{
    private const int AlignmentBytes = 64;
    private const nuint LargePageBytes = 2 << 20;
    private const int InLargePages = 14;

    private static long s_live;

    private readonly bool _isLent;
    private MemoryHandle _lent;

    /// <summary>Allocates zeroed memory.</summary>
    public NativeBuffer(long byteLength) : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        var rounded = checked((nuint)byteLength + AlignmentBytes - 1) / AlignmentBytes;
        var bytes = Math.Max(rounded, 1) * AlignmentBytes;
        SetHandle((nint)Allocate(bytes));
        ByteLength = byteLength;
        Interlocked.Increment(ref s_live);
        GC.AddMemoryPressure(Math.Max(byteLength, 1));
    }

    /// <summary>
    /// A view of memory that somebody else has allocated, aligned likewise, and that outlives it.
    /// </summary>
    public NativeBuffer(Memory<byte> lent) : base(0, ownsHandle: true)
    {
        (_isLent, _lent) = (true, lent.Pin());
        Invariant.Check(
            (nint)_lent.Pointer % AlignmentBytes == 0, "a lent buffer begins on a cache line");
        SetHandle((nint)_lent.Pointer);
        ByteLength = lent.Length;
    }

    /// <summary>A buffer of so many elements of a type.</summary>
    public static NativeBuffer Of(ElementType type, long length) => new(length * type.ByteSize());

    public long ByteLength { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>The first byte. Valid while the caller holds the buffer undisposed.</summary>
    public void* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (void*)handle;
        }
    }

    internal static long LiveCount => Interlocked.Read(ref s_live);

    /// <summary>
    /// The whole buffer; trailing bytes that do not fill an element are left out.
    /// </summary>
    public Span<T> AsSpan<T>() where T : unmanaged
    {
        var length = ByteLength / sizeof(T);
        Invariant.Check(length <= int.MaxValue, "a buffer too long for one span");
        return new Span<T>(Pointer, (int)length);
    }

    /// <summary>A part of the buffer, for buffers longer than a span can be.</summary>
    public Span<T> AsSpan<T>(long offset, int length) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            offset, ByteLength / sizeof(T) - length, nameof(offset));
        return new Span<T>((T*)Pointer + offset, length);
    }

    /// <summary>
    /// A gradient is read and written from one end to the other at every step: large pages spare
    /// the processor, and the kernel's copies, a look-up every 4 KiB.
    /// </summary>
    private static void* Allocate(nuint bytes)
    {
        var isLarge = bytes >= LargePageBytes && OperatingSystem.IsLinux();
        var memory = NativeMemory.AlignedAlloc(bytes, isLarge ? LargePageBytes : AlignmentBytes);
        // Before the first touch; a system that has none goes on with what it has.
        if (isLarge) _ = Advise((nint)memory, bytes, InLargePages);
        NativeMemory.Clear(memory, bytes);
        return memory;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint memory, nuint bytes, int advice);

    protected override bool ReleaseHandle()
    {
        if (_isLent)
        {
            _lent.Dispose();
            return true;
        }

        NativeMemory.AlignedFree((void*)handle);
        Interlocked.Decrement(ref s_live);
        GC.RemoveMemoryPressure(Math.Max(ByteLength, 1));
        return true;
    }
}
