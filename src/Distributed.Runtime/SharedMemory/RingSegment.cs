using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Microsoft.Win32.SafeHandles;

namespace Distributed.Runtime.SharedMemory;

/// <summary>What stands in front of a payload in the ring. Its checksum stands behind it.</summary>
[StructLayout(LayoutKind.Sequential, Size = RingSegment.FrameHeadBytes)]
internal readonly record struct FrameHead(FrameHeader Header, long PayloadBytes);

/// <summary>
/// The memory of one ordered pair of ranks: a page of words, then a ring of bytes. The sender makes
/// the file under another name and renames it when it is ready, so that a receiver never sees half
/// of one; the receiver deletes it as soon as it has it open, so that a killed process leaves none.
/// </summary>
internal sealed unsafe class RingSegment : IDisposable
{
    /// <summary>Frames begin at a multiple of this, so that no head is split by the end.</summary>
    internal const int FrameHeadBytes = 64;

    /// <summary>The checksum, at the next multiple of this behind the payload.</summary>
    private const int TailBytes = 8;

    /// <summary>Changes with every change of this file's layout or of the frames'.</summary>
    private const ulong Layout = 0x4449_5354_5249_0002;

    private const int RingAt = 4096;
    private const int WrittenAt = 64;
    private const int ReadAt = WrittenAt + SharedCounter.Bytes;
    private const int WriterAt = 1024;
    private const int ReaderAt = WriterAt + SharedSide.Bytes;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _memory;

    private RingSegment(MemoryMappedFile file, string path)
    {
        (_file, Path) = (file, path);
        _view = file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _memory);
    }

    internal string Path { get; }

    internal int RingBytes { get; private init; }

    internal SharedCounter Written => new(_memory + WrittenAt);

    internal SharedCounter Read => new(_memory + ReadAt);

    internal SharedSide Writer => new(_memory + WriterAt);

    internal SharedSide Reader => new(_memory + ReaderAt);

    internal static long FileBytes(int ringBytes) => RingAt + (long)ringBytes;

    /// <summary>The bytes of a whole frame in the ring.</summary>
    internal static long FrameBytes(long payloadBytes) =>
        FrameHeadBytes + RoundUp(RoundUp(payloadBytes, TailBytes) + TailBytes, FrameHeadBytes);

    /// <summary>Where the checksum lies, from the start of the payload.</summary>
    internal static long TailOffset(long payloadBytes) => RoundUp(payloadBytes, TailBytes);

    /// <exception cref="IOException">There is no room for it.</exception>
    internal static RingSegment Create(string directory, SegmentName name, int ringBytes)
    {
        Invariant.Check(
            BitOperations.IsPow2(ringBytes) && ringBytes >= 4 * FrameHeadBytes,
            "a ring's length is a power of two and holds some frames");
        Invariant.Check(sizeof(FrameHead) == FrameHeadBytes, "a frame's head has its length");
        var path = name.PathIn(directory);
        var temporary = path + ".new";
        try
        {
            using var handle = File.OpenHandle(
                temporary, FileMode.CreateNew, FileAccess.ReadWrite, Shared);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var error = LibC.Allocate(handle, FileBytes(ringBytes));
            if (error != 0)
                throw LibC.Failed(error);
            var segment = new RingSegment(Map(handle, ringBytes), path) { RingBytes = ringBytes };
            segment.Writer.Open();
            *(ulong*)segment._memory = Layout;
            File.Move(temporary, path);
            return segment;
        }
        catch (IOException)
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Null while the sender has not made it.</summary>
    /// <exception cref="InvalidDataException">The file is not a ring.</exception>
    internal static RingSegment? TryAttach(string path)
    {
        try
        {
            if (!File.Exists(path)) return null;
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, Shared);
            return Attach(handle, path);
        }
        catch (FileNotFoundException)
        {
            // Its maker took it away in between.
            return null;
        }
    }


    internal ref FrameHead HeadAt(long position) =>
        ref *(FrameHead*)(_memory + RingAt + (position & (RingBytes - 1)));

    internal ref uint ChecksumAt(long position) =>
        ref *(uint*)(_memory + RingAt + (position & (RingBytes - 1)));

    /// <summary>Copies into the ring and returns the checksum with the source appended.</summary>
    internal uint CopyIn(uint checksum, long position, ReadOnlySpan<byte> source)
    {
        var first = FirstPart(position, source.Length);
        checksum = Crc32C.CopyAndAppend(checksum, source[..first.Length], first);
        return Crc32C.CopyAndAppend(
            checksum, source[first.Length..], new Span<byte>(_memory + RingAt, RingBytes));
    }

    /// <summary>Copies out of the ring and returns the checksum with the copy appended.</summary>
    internal uint CopyOut(uint checksum, long position, Span<byte> destination)
    {
        var first = FirstPart(position, destination.Length);
        checksum = Crc32C.CopyAndAppend(checksum, first, destination);
        var rest = new ReadOnlySpan<byte>(_memory + RingAt, destination.Length - first.Length);
        return Crc32C.CopyAndAppend(checksum, rest, destination[first.Length..]);
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private static FileShare Shared => FileShare.ReadWrite | FileShare.Delete;

    private static MemoryMappedFile Map(SafeFileHandle handle, int ringBytes) =>
        MemoryMappedFile.CreateFromFile(
            handle, null, FileBytes(ringBytes), MemoryMappedFileAccess.ReadWrite,
            HandleInheritability.None, leaveOpen: true);

    private static RingSegment Attach(SafeFileHandle handle, string path)
    {
        var ringBytes = RandomAccess.GetLength(handle) - RingAt;
        if (ringBytes <= 0 || ringBytes > 1 << 30 || !BitOperations.IsPow2(ringBytes))
            throw new InvalidDataException($"{path} has a length that no ring has");
        var segment = new RingSegment(Map(handle, (int)ringBytes), path)
        {
            RingBytes = (int)ringBytes,
        };
        if (*(ulong*)segment._memory != Layout)
        {
            segment.Dispose();
            throw new InvalidDataException(
                $"{path} was made by another version of this program: expected the same on all"
                + " ranks");
        }

        segment.Reader.Open();
        File.Delete(path);
        return segment;
    }

    private static long RoundUp(long value, int unit) => (value + unit - 1) & -unit;

    private Span<byte> FirstPart(long position, int length)
    {
        var at = (int)(position & (RingBytes - 1));
        return new Span<byte>(_memory + RingAt + at, Math.Min(length, RingBytes - at));
    }
}
