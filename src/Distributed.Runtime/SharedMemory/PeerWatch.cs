using Microsoft.Win32.SafeHandles;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// One thread of a transport that sleeps until a peer's process ends. Now and then it also looks
/// for what has no handle to wait for: rings that appear, and peers that have left.
/// </summary>
internal sealed class PeerWatch : IDisposable
{
    private const int OpenSliceMs = 50;
    private const int OpeningSliceMsMax = 20;

    private readonly SafeFileHandle _stop = LibC.CreateEvent();
    private readonly PeerProcess?[] _peers;
    private readonly Func<int, bool, bool> _look;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <param name="peers">By rank; this rank's own is null. Not owned.</param>
    /// <param name="look">
    /// Told a rank and whether its process may have ended; false while its ring is to come.
    /// </param>
    internal PeerWatch(PeerProcess?[] peers, Func<int, bool, bool> look)
    {
        (_peers, _look) = (peers, look);
        _thread = new Thread(Run) { IsBackground = true, Name = "shared-memory-watch" };
    }

    internal void Start() => _thread.Start();

    public void Dispose()
    {
        _stopping = true;
        LibC.Signal(_stop);
        if (_thread.IsAlive) _thread.Join();
        _stop.Dispose();
    }

    private unsafe void Run()
    {
        var entries = new LibC.PollEntry[_peers.Length + 1];
        for (var peer = 0; peer < _peers.Length; peer++)
            entries[peer] = _peers[peer]?.Entry ?? new LibC.PollEntry { Descriptor = -1 };
        entries[^1] = new LibC.PollEntry
        {
            Descriptor = (int)_stop.DangerousGetHandle(),
            Wanted = LibC.Readable,
        };
        for (var round = 0; !_stopping; round++)
        {
            var allOpen = LookAtAll(entries, everybody: round == 0);
            // Peers mostly come together; for one that takes long there is no hurry.
            var sliceMs = allOpen ? OpenSliceMs : Math.Min(1 + round / 500, OpeningSliceMsMax);
            fixed (LibC.PollEntry* array = entries)
                _ = LibC.Poll(array, (nuint)entries.Length, sliceMs);
        }
    }

    private bool LookAtAll(LibC.PollEntry[] entries, bool everybody)
    {
        var allOpen = true;
        for (var peer = 0; peer < _peers.Length; peer++)
        {
            if (_peers[peer] is not { } process) continue;
            var mayHaveEnded = everybody || process.NeedsLooks || entries[peer].Happened != 0;
            // It ends once, and its handle would not let poll sleep any more.
            if (entries[peer].Happened != 0) entries[peer].Descriptor = -1;
            allOpen &= _look(peer, mayHaveEnded);
        }

        return allOpen;
    }
}
