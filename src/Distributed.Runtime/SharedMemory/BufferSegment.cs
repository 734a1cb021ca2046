using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;
using Microsoft.Win32.SafeHandles;

namespace Distributed.Runtime.SharedMemory;

/// <summary>What a segment's first bytes say, and what its owner tells the others.</summary>
/// <param name="Layout">Changes with every change of the segment's layout.</param>
/// <param name="Job">The job.</param>
/// <param name="Generation">The generation of the job's membership.</param>
/// <param name="Rank">Whose nodes these are.</param>
/// <param name="NodeCount">How many.</param>
/// <param name="NodeElements">The floats of each.</param>
/// <param name="Identity">Drawn for this one segment.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SegmentLabel(
    ulong Layout, ulong Job, int Generation, int Rank, long NodeCount, long NodeElements,
    ulong Identity)
{
    internal const ulong CurrentLayout = 0x4449_5354_4742_0003;
}

/// <summary>
/// The memory in which the gradient nodes of one rank lie: a page of words, then the nodes, each
/// from a page's start. All its pages exist and are mapped before it is used, so that no step
/// takes a page fault or finds the file system full.
/// </summary>
internal sealed unsafe class BufferSegment : IDisposable
{
    private const int PageBytes = 4096;
    private const int BarrierAt = 1024;
    private const int AnnouncedAt = 2048;

    private readonly byte* _memory;
    private bool _isLinked;
    private bool _isDisposed;

    private BufferSegment(SafeFileHandle handle, string path, SegmentLabel label)
        : this(LibC.Map(handle, FileBytes(label)), path, label)
    {
    }

    private BufferSegment(byte* memory, string path, SegmentLabel label)
    {
        _memory = memory;
        (Path, Label) = (path, label);
        Nodes = new Memory<byte>[label.NodeCount];
        for (var node = 0; node < Nodes.Length; node++)
        {
            Nodes[node] = new UnmanagedMemory(
                (nint)(_memory + PageBytes + node * StrideBytes(label)),
                checked((int)(label.NodeElements * sizeof(float)))).Memory;
        }
    }

    internal string Path { get; }

    internal SegmentLabel Label { get; }

    internal Memory<byte>[] Nodes { get; }

    internal static long FileBytes(in SegmentLabel label) =>
        PageBytes + label.NodeCount * StrideBytes(label);

    /// <exception cref="IOException">There is no room for it.</exception>
    internal static BufferSegment Create(string path, SegmentLabel label)
    {
        using var handle = File.OpenHandle(
            path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var error = LibC.Allocate(handle, FileBytes(label));
            if (error != 0) throw LibC.Failed(error);
            var segment = new BufferSegment(handle, path, label) { _isLinked = true };
            *(SegmentLabel*)segment._memory = label;
            return segment;
        }
        catch (IOException)
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>One that no other process can map.</summary>
    /// <exception cref="IOException">There is no memory for it.</exception>
    internal static BufferSegment CreatePrivate(SegmentLabel label) =>
        new(LibC.MapPrivate(FileBytes(label)), path: "", label);

    /// <param name="path">Where the owner made it.</param>
    /// <param name="expected">The label that its owner told.</param>
    /// <exception cref="InvalidDataException">It is another file.</exception>
    /// <exception cref="IOException">It is not there, or cannot be mapped.</exception>
    internal static BufferSegment Attach(string path, SegmentLabel expected)
    {
        using var handle = File.OpenHandle(
            path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        var (length, wanted) = (RandomAccess.GetLength(handle), FileBytes(expected));
        if (length != wanted)
            throw new InvalidDataException($"{path} has {length} bytes: expected {wanted}");
        var segment = new BufferSegment(handle, path, expected);
        var found = *(SegmentLabel*)segment._memory;
        if (found == expected) return segment;
        segment.Dispose();
        throw new InvalidDataException(
            $"{path} is another segment than the one that was announced: it is {found}, expected"
            + $" {expected}");
    }

    /// <summary>What all ranks share of a barrier: that of rank 0's segment.</summary>
    internal byte* BarrierWords => _memory + BarrierAt;

    /// <summary>What the owner announces at a barrier.</summary>
    internal nint BarrierLines => (nint)(_memory + AnnouncedAt);

    /// <summary>Its memory lives on where it is mapped, and ends with the last process.</summary>
    internal void Unlink()
    {
        if (!_isLinked) return;
        _isLinked = false;
        File.Delete(Path);
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        Unlink();
        LibC.Unmap(_memory, FileBytes(Label));
    }

    private static long StrideBytes(in SegmentLabel label) =>
        (label.NodeElements * sizeof(float) + PageBytes - 1) & -PageBytes;
}
