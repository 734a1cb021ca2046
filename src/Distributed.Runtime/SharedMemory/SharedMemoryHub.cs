using Distributed.Kernel;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The shared-memory transports of one process: at most one open generation for each rank of a job
/// here. Linux only. Thread-safe.
/// </summary>
public sealed class SharedMemoryHub
{
    /// <summary>The file system in memory that every Linux has.</summary>
    public const string DefaultDirectory = "/dev/shm";

    /// <summary>Some chunks of an all-reduce; small enough to stay in the cache.</summary>
    private const int RingBytesMax = 1024 * 1024;

    private readonly object _gate = new();
    private readonly Dictionary<(ulong Job, int Rank), Slot> _slots = [];
    private readonly SharedMemorySettings _settings;

    /// <summary>Deletes files of processes that were killed while they opened.</summary>
    /// <param name="directory">The same for all ranks.</param>
    public SharedMemoryHub(string directory = DefaultDirectory)
        : this(new SharedMemorySettings(
            directory, RingBytesMax, SharedMemoryTransport.OpenTimeout))
    {
    }

    internal SharedMemoryHub(SharedMemorySettings settings)
    {
        _settings = settings;
        SegmentName.Sweep(settings.Directory);
    }

    /// <summary>
    /// Which processes this one can share memory with: those with the same text here. Null where
    /// it can share with none.
    /// </summary>
    public string? Place => SharingPlace.Of(_settings.Directory);

    /// <summary>Where the files are.</summary>
    internal string Directory => _settings.Directory;

    /// <summary>
    /// Connects a rank of a new generation with its peers and returns at once, before they have
    /// come. An older generation of the same rank that is still open is cancelled.
    /// </summary>
    /// <param name="peerProcessIds">
    /// By rank; each the process that opens that rank, seen from this process's namespace; this
    /// rank's own is not used.
    /// </param>
    /// <param name="peerLost">
    /// Told the rank and one line when a peer is lost, even while nothing is exchanged with it.
    /// Runs on a thread of the pool.
    /// </param>
    /// <exception cref="OperatingException">There is no room for the rings.</exception>
    public SharedMemoryTransport Open(
        ulong job,
        int generation,
        int rank,
        IReadOnlyList<int> peerProcessIds,
        Action<int, string>? peerLost = null)
    {
        var transport = new SharedMemoryTransport(
            job, generation, rank, peerProcessIds, _settings, peerLost, Closed);
        SharedMemoryTransport? older;
        lock (_gate)
        {
            if (!_slots.TryGetValue((job, rank), out var slot))
                _slots[(job, rank)] = slot = new Slot();
            Invariant.Check(generation > slot.Generation, "generations of a job only grow");
            older = slot.Transport;
            (slot.Generation, slot.Transport) = (generation, transport);
        }

        older?.Cancel($"generation {generation} has begun");
        transport.Start();
        return transport;
    }

    /// <summary>Cancels every open transport of this process.</summary>
    public void CancelAll(string reason)
    {
        SharedMemoryTransport?[] open;
        lock (_gate)
            open = [.. _slots.Values.Select(slot => slot.Transport)];
        foreach (var transport in open)
            transport?.Cancel(reason);
    }

    private void Closed(SharedMemoryTransport transport)
    {
        lock (_gate)
        {
            foreach (var slot in _slots.Values)
                if (ReferenceEquals(slot.Transport, transport)) slot.Transport = null;
        }
    }

    private sealed class Slot
    {
        public int Generation { get; set; } = -1;

        public SharedMemoryTransport? Transport { get; set; }
    }
}
