using System.Runtime.InteropServices;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// A count of bytes in shared memory that only grows. One thread of one process advances it, one
/// thread of another waits for it: the kernel is called only when that one really sleeps and the
/// count has reached what it waits for.
/// </summary>
internal readonly unsafe struct SharedCounter(byte* memory)
{
    internal const int Bytes = 128;

    /// <summary>A sleeper looks around this often, should a wake-up ever be missed.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(50);

    private readonly Words* _words = (Words*)memory;

    internal long Position => Volatile.Read(ref _words->Position);

    internal void AdvanceTo(long position)
    {
        Volatile.Write(ref _words->Position, position);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _words->Waiting) != 0
            && Volatile.Read(ref _words->Wanted) <= position) Wake();
    }

    /// <summary>
    /// Wakes the sleeper whatever the count, to look at what has changed: callable by both sides.
    /// </summary>
    internal void Wake()
    {
        Interlocked.Increment(ref _words->Sequence);
        LibC.WakeAllOn(&_words->Sequence);
    }

    /// <summary>
    /// Spins for about as long as sleeping and waking would take. True when the count is there.
    /// </summary>
    internal bool SpinUntil(long position)
    {
        const int Rounds = 25;
        if (Position >= position) return true;
        for (var round = 0; round < Rounds; round++)
        {
            Thread.SpinWait(20);
            if (Position >= position) return true;
        }

        return false;
    }

    /// <summary>
    /// Says what is waited for. Look at the count and at all else that ends the wait after this,
    /// then call <see cref="Sleep"/> with the ticket or <see cref="Withdraw"/>.
    /// </summary>
    internal int Announce(long position)
    {
        Volatile.Write(ref _words->Wanted, position);
        Interlocked.Exchange(ref _words->Waiting, 1);
        return Volatile.Read(ref _words->Sequence);
    }

    /// <summary>
    /// Sleeps unless there was a wake-up since the ticket. May return for no reason.
    /// </summary>
    internal void Sleep(int ticket)
    {
        LibC.WaitOn(&_words->Sequence, ticket, Slice);
        Withdraw();
    }

    internal void Withdraw() => Volatile.Write(ref _words->Waiting, 0);

    /// <summary>The count lies apart from what the other side writes when it waits.</summary>
    [StructLayout(LayoutKind.Explicit, Size = Bytes)]
    private struct Words
    {
        [FieldOffset(0)]
        internal long Position;

        [FieldOffset(64)]
        internal long Wanted;

        [FieldOffset(72)]
        internal int Waiting;

        [FieldOffset(76)]
        internal int Sequence;
    }
}
