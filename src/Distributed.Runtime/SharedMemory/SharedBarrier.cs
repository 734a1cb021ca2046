using System.Diagnostics;
using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;
using Distributed.Kernel;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// Where the ranks of a generation wait for each other. Each has lines of its own in shared memory,
/// in which it announces what it has come to do and the number of the round; a round ends when all
/// lines have its number. Looking at another rank's line is the only traffic between processors.
/// </summary>
/// <remarks>One thread of each rank arrives, and waits for the others before it arrives again.
/// </remarks>
internal sealed unsafe class SharedBarrier
{
    /// <summary>What all ranks share: who sleeps, and what wakes them.</summary>
    internal const int WordsBytes = 128;

    /// <summary>
    /// What a rank announces. Two rounds have lines of their own, because a rank may announce the
    /// next one while another still reads this one's.
    /// </summary>
    internal const int LinesBytes = 2 * LineBytes;

    private const int LineBytes = 64;

    /// <summary>
    /// Ranks that compute alike arrive within microseconds, and to be woken takes several times
    /// that. So a rank looks again and again before it sleeps: for as long as sleeping would cost,
    /// and so that others get the processor where there are more ranks than processors.
    /// </summary>
    private const int EagerLooks = 40;

    private static readonly long EagerTicks = Stopwatch.Frequency * 40 / 1_000_000;

    /// <summary>A sleeper looks around this often, should a wake-up ever be missed.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(50);

    private readonly Words* _words;
    private readonly nint[] _lines;
    private readonly int _rank;
    private long _round;

    /// <summary>How many ranks, from the first on, are known to have arrived.</summary>
    private int _seen;

    /// <param name="words"><see cref="WordsBytes"/>, the same for all ranks, zero at first.</param>
    /// <param name="lines"><see cref="LinesBytes"/> of each rank, on cache lines, zero at first.
    /// </param>
    /// <param name="rank">This rank.</param>
    internal SharedBarrier(byte* words, nint[] lines, int rank)
    {
        _words = (Words*)words;
        (_lines, _rank) = (lines, rank);
        Invariant.Check(sizeof(Announcement) == LineBytes, "an announcement is a cache line");
    }

    /// <summary>True once a rank has left, or has noticed that another one did.</summary>
    internal bool IsDisturbed => Volatile.Read(ref _words->Disturbed) != 0;

    /// <summary>What a rank came to do in this round, once the round has ended.</summary>
    internal ref readonly FrameHeader Announced(int rank) => ref Line(rank)->Header;

    /// <summary>
    /// Begins a round. What this rank wrote before is seen by all whom the round lets go.
    /// </summary>
    internal void Arrive(in FrameHeader here)
    {
        _round++;
        _seen = 0;
        var line = Line(_rank);
        line->Header = here;
        Volatile.Write(ref line->Round, (int)_round);
        // Of two that arrive at once, one sees the other; and the last one sees who sleeps.
        Interlocked.MemoryBarrier();
        if (HasEnded() && Volatile.Read(ref _words->Sleepers) != 0) WakeAll();
    }

    internal bool HasEnded()
    {
        while (_seen < _lines.Length && Volatile.Read(ref Line(_seen)->Round) == (int)_round)
            _seen++;
        return _seen == _lines.Length;
    }

    /// <summary>Looks for a short time whether the round ends.</summary>
    internal bool EndsSoon()
    {
        for (var look = 0; look < EagerLooks; look++)
        {
            if (HasEnded()) return true;
            Thread.SpinWait(1);
        }

        var deadline = Stopwatch.GetTimestamp() + EagerTicks;
        do
        {
            LibC.LetOthersRun();
            if (HasEnded()) return true;
        }
        while (Stopwatch.GetTimestamp() < deadline);
        return false;
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

    private Announcement* Line(int rank) =>
        (Announcement*)(_lines[rank] + (nint)(_round & 1) * LineBytes);

    /// <summary>
    /// The round comes with the header: one cache line, one way between processors. Its lowest
    /// bits do, because a line never holds another round than this one or the last but one.
    /// </summary>
    [StructLayout(LayoutKind.Sequential, Pack = sizeof(int), Size = LineBytes)]
    private struct Announcement
    {
        internal FrameHeader Header;
        internal int Round;
    }

    /// <summary>Apart, because all look at the first line and only sleepers use the second.
    /// </summary>
    [StructLayout(LayoutKind.Explicit, Size = WordsBytes)]
    private struct Words
    {
        [FieldOffset(0)]
        internal int Sleepers;

        [FieldOffset(4)]
        internal int Disturbed;

        [FieldOffset(64)]
        internal int Sequence;
    }
}
