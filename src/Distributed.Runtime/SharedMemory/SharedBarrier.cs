using System.Runtime.InteropServices;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// Where the ranks of a generation wait for each other: a count of arrivals in shared memory. One
/// thread of each rank arrives, and waits for the others before it arrives again, so that every
/// multiple of the number of ranks ends a round. Nobody spins: on a virtual machine, or with more
/// ranks than processors, that costs more than it saves.
/// </summary>
internal readonly unsafe struct SharedBarrier(byte* memory, int ranks)
{
    internal const int Bytes = 128;

    /// <summary>A sleeper looks around this often, should a wake-up ever be missed.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(50);

    private readonly Words* _words = (Words*)memory;

    /// <summary>True once a rank has left, or has noticed that another one did.</summary>
    internal bool IsDisturbed => Volatile.Read(ref _words->Disturbed) != 0;

    internal bool HasEnded(long round) => Volatile.Read(ref _words->Arrivals) >= round * ranks;

    /// <summary>What this rank wrote before is seen by all whom the round lets go.</summary>
    internal void Arrive(long round)
    {
        var arrivals = Interlocked.Increment(ref _words->Arrivals);
        if (arrivals == round * ranks && Volatile.Read(ref _words->Sleepers) != 0) WakeAll();
    }

    /// <summary>
    /// Look at all that ends the wait after this, then call <see cref="Sleep"/> with the ticket,
    /// and in any case <see cref="Withdraw"/>.
    /// </summary>
    internal int Announce()
    {
        Interlocked.Increment(ref _words->Sleepers);
        return Volatile.Read(ref _words->Sequence);
    }

    /// <summary>
    /// Sleeps unless there was a wake-up since the ticket. May return for no reason.
    /// </summary>
    internal void Sleep(int ticket) => LibC.WaitOn(&_words->Sequence, ticket, Slice);

    internal void Withdraw() => Interlocked.Decrement(ref _words->Sleepers);

    /// <summary>Wakes all ranks, so that they look at what has become of the others.</summary>
    internal void Disturb()
    {
        Volatile.Write(ref _words->Disturbed, 1);
        WakeAll();
    }

    private void WakeAll()
    {
        Interlocked.Increment(ref _words->Sequence);
        LibC.WakeAllOn(&_words->Sequence);
    }

    [StructLayout(LayoutKind.Explicit, Size = Bytes)]
    private struct Words
    {
        [FieldOffset(0)]
        internal long Arrivals;

        [FieldOffset(8)]
        internal int Sleepers;

        [FieldOffset(64)]
        internal int Sequence;

        [FieldOffset(68)]
        internal int Disturbed;
    }
}
