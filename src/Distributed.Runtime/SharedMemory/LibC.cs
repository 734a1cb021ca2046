using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Distributed.Runtime.SharedMemory;

/// <summary>The few calls of Linux that the class library does not offer.</summary>
internal static unsafe partial class LibC
{
    internal const int Interrupted = 4;
    internal const short Readable = 1;

    private const int ThreadClock = 3;
    private const int FutexWait = 0;
    private const int FutexWake = 1;
    private const int UnixSockets = 1;
    private const int Stream = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const nint PidfdOpenNumber = 434;
    private const int ReadableAndWritable = 3;
    private const int SharedAndPopulated = 0x8001;
    private const int PrivateAndPopulated = 0x8022;

    // The numbers of newer calls are the same on every architecture; this one is older.
    private static readonly nint FutexNumber = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        _ => 98,
    };

    /// <summary>
    /// Sleeps while the word holds this value, for a slice of time at most. May return early.
    /// </summary>
    internal static void WaitOn(int* word, int value, TimeSpan slice)
    {
        var time = new TimeSpec(0, slice.Ticks * TimeSpan.NanosecondsPerTick);
        _ = SystemCall(FutexNumber, (nint)word, FutexWait, value, (nint)(&time), 0, 0);
    }

    /// <summary>Wakes whoever sleeps on the word, in any process.</summary>
    internal static void WakeAllOn(int* word) =>
        _ = SystemCall(FutexNumber, (nint)word, FutexWake, int.MaxValue, 0, 0, 0);

    /// <summary>
    /// A handle that is readable once the process has ended; null where the kernel has none.
    /// </summary>
    internal static SafeFileHandle? OpenProcess(int processId)
    {
        var descriptor = SystemCall(PidfdOpenNumber, processId, 0, 0, 0, 0, 0);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>A handle that is readable after <see cref="Signal"/>.</summary>
    internal static SafeFileHandle CreateEvent() =>
        new(EventDescriptor(0, CloseOnExec | NonBlocking), ownsHandle: true);

    internal static void Signal(SafeFileHandle created)
    {
        var one = 1L;
        _ = Write(created, &one, sizeof(long));
    }

    /// <summary>Undoes <see cref="Signal"/>.</summary>
    internal static void Reset(SafeFileHandle created)
    {
        long signals;
        _ = Read(created, &signals, sizeof(long));
    }

    /// <summary>
    /// Allocates every page of the file, so that a full file system shows here and not as a fault
    /// of the processor later. Returns an error number, or 0.
    /// </summary>
    internal static int Allocate(SafeFileHandle file, long length)
    {
        int error;
        do error = AllocateOnce(file, 0, length);
        while (error == Interrupted);
        return error;
    }

    /// <summary>
    /// Maps a file for reading and writing, shared, with all its pages mapped at once.
    /// </summary>
    /// <exception cref="IOException">It cannot be mapped.</exception>
    internal static byte* Map(SafeFileHandle file, long length)
    {
        var memory = MapOnce(
            0, (nuint)length, ReadableAndWritable, SharedAndPopulated, file, 0);
        return memory != -1 ? (byte*)memory : throw Failed(Marshal.GetLastPInvokeError());
    }

    /// <summary>Maps zeroed memory of no file, with all its pages at once.</summary>
    /// <exception cref="IOException">It cannot be mapped.</exception>
    internal static byte* MapPrivate(long length)
    {
        using var noFile = new SafeFileHandle(-1, ownsHandle: false);
        var memory = MapOnce(
            0, (nuint)length, ReadableAndWritable, PrivateAndPopulated, noFile, 0);
        return memory != -1 ? (byte*)memory : throw Failed(Marshal.GetLastPInvokeError());
    }

    internal static void Unmap(byte* memory, long length) =>
        _ = UnmapOnce((nint)memory, (nuint)length);

    /// <summary>The error with its number as the result code.</summary>
    internal static IOException Failed(int error) =>
        new(new Win32Exception(error).Message, error);

    /// <summary>Both ends of a connection within this process.</summary>
    /// <exception cref="IOException">There are no descriptors left.</exception>
    internal static (Socket First, Socket Second) CreateSocketPair()
    {
        var ends = stackalloc int[2];
        if (SocketPair(UnixSockets, Stream | CloseOnExec, 0, ends) != 0)
            throw Failed(Marshal.GetLastPInvokeError());
        return (
            new Socket(new SafeSocketHandle(ends[0], ownsHandle: true)),
            new Socket(new SafeSocketHandle(ends[1], ownsHandle: true)));
    }

    /// <summary>Lets another thread that wants to run have the processor.</summary>
    internal static void LetOthersRun() => _ = Yield();

    /// <summary>The calling thread gives way to those of lower niceness.</summary>
    internal static void LowerPriority(int niceness) => _ = SetPriority(0, 0, niceness);

    /// <summary>Processor time that the calling thread has had.</summary>
    internal static long ThreadTimeNs()
    {
        TimeSpec time;
        _ = GetTime(ThreadClock, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int niceness);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, TimeSpec* time);

    [LibraryImport("libc", EntryPoint = "poll")]
    internal static partial int Poll(PollEntry* entries, nuint count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int family, int type, int protocol, int* ends);

    [LibraryImport("libc", EntryPoint = "sched_yield")]
    private static partial int Yield();

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(
        nint number, nint first, nint second, nint third, nint fourth, nint fifth, nint sixth);

    [LibraryImport("libc", EntryPoint = "eventfd")]
    private static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(SafeFileHandle file, void* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(SafeFileHandle file, void* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    private static partial int AllocateOnce(SafeFileHandle file, long offset, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapOnce(
        nint address, nuint length, int protection, int flags, SafeFileHandle file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int UnmapOnce(nint address, nuint length);

    /// <summary>struct pollfd: a negative descriptor is passed over.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollEntry
    {
        internal int Descriptor;
        internal short Wanted;
        internal short Happened;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpec(long Seconds, long Nanoseconds);
}
