using Distributed.Collectives.Transport;
using Distributed.Kernel;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The ranks of one generation that are processes of one host, connected by a ring in shared
/// memory for each ordered pair. Made by <see cref="SharedMemoryHub.Open"/>.
/// </summary>
public sealed class SharedMemoryTransport : ITransport, ISharingRanks
{
    /// <summary>How long Receive and Flush wait for a peer to open its side.</summary>
    public static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(20);

    /// <summary>How long Dispose waits until peers have room for the last frames.</summary>
    public static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly SharedMemorySettings _settings;
    private readonly Action<int, string>? _peerLost;
    private readonly Action<SharedMemoryTransport> _closed;
    private readonly PeerProcess?[] _processes;
    private readonly RingWriter?[] _writers;
    private readonly RingReader?[] _readers;
    private readonly PeerLostException?[] _lost;
    private readonly PeerWatch _watch;
    private bool _closing;
    private string? _cancelReason;

    internal SharedMemoryTransport(
        ulong job,
        int generation,
        int rank,
        IReadOnlyList<int> processIds,
        SharedMemorySettings settings,
        Action<int, string>? peerLost,
        Action<SharedMemoryTransport> closed)
    {
        Invariant.Check(rank >= 0 && rank < processIds.Count, "a rank is one of the processes");
        (Job, Generation, Rank, Size) = (job, generation, rank, processIds.Count);
        (_settings, _peerLost, _closed) = (settings, peerLost, closed);
        _processes = new PeerProcess?[Size];
        _writers = new RingWriter?[Size];
        _readers = new RingReader?[Size];
        _lost = new PeerLostException?[Size];
        _watch = new PeerWatch(_processes, Look);
        try
        {
            for (var peer = 0; peer < Size; peer++)
                if (peer != rank) Connect(peer, processIds[peer]);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            Free();
            throw NoRoom(refused);
        }
    }

    public int Rank { get; }

    public int Size { get; }

    /// <summary>What waits in the rings only falls out of the caches.</summary>
    public Pacing Pacing => new(ChunkBytes: 256 * 1024, AheadChunks: 1);

    public int Generation { get; }

    internal ulong Job { get; }

    /// <inheritdoc cref="ISharingRanks.Disturbed"/>
    private event Action? Disturbed;

    event Action? ISharingRanks.Disturbed
    {
        add => Disturbed += value;
        remove => Disturbed -= value;
    }

    ITransport ISharingRanks.Transport => this;

    ulong ISharingRanks.Job => Job;

    string ISharingRanks.Directory => _settings.Directory;

    public void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload) =>
        WriterOf(peer).Send(header, payload);

    public void Receive(int peer, in FrameHeader expected, Memory<byte> destination) =>
        ReaderOf(peer).Receive(expected, destination, _settings.OpenTimeout);

    public void Flush()
    {
        foreach (var writer in _writers)
            writer?.Flush(_settings.OpenTimeout);
    }

    public void Cancel(string reason)
    {
        lock (_gate)
        {
            if (_cancelReason is not null) return;
            _cancelReason = reason;
            var failure = new CollectiveCancelledException(reason);
            var farewell = $"rank {Rank} left generation {Generation} of job {Job}: {reason}";
            foreach (var writer in _writers)
                writer?.Cancel(failure, farewell);
            foreach (var reader in _readers)
                reader?.Cancel(failure, farewell);
            // Last: the peers that it wakes look at what was told them above.
            Disturbed?.Invoke();
        }
    }

    Exception? ISharingRanks.Failure()
    {
        for (var peer = 0; peer < Size; peer++)
            if (peer != Rank) Look(peer, mayHaveEnded: false);
        lock (_gate)
        {
            return _cancelReason is not null
                ? new CollectiveCancelledException(_cancelReason)
                : Array.Find(_lost, lost => lost is not null);
        }
    }

    private PeerLostException Lost(int peer, string reason) => new(
        Rank, peer, $"process {_processes[peer]!.Id} of this host", reason);

    private ProcessIdentity ProcessOf(int rank) =>
        (rank == Rank ? ProcessIdentity.Current : _processes[rank]!.Identity) ?? default;

    /// <summary>
    /// Ends in order: what was sent is put where the peers can read it, within
    /// <see cref="CloseTimeout"/>, which a Cancel cuts short. After a failure it only cleans up.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closing) return;
            _closing = true;
        }

        if (_cancelReason is null)
        {
            var deadline = Environment.TickCount64 + (long)CloseTimeout.TotalMilliseconds;
            for (var peer = 0; peer < Size; peer++)
            {
                // Both sides of a pair end alike: a peer that did not get all must not think so.
                if (_writers[peer]?.Close(deadline) == true)
                    _readers[peer]?.Close();
            }
        }

        _closed(this);
        Cancel($"rank {Rank} closed its transport");
        Free();
    }

    int ISharingRanks.RankOf(int number) => number;

    ProcessIdentity ISharingRanks.ProcessOf(int number) => ProcessOf(number);

    PeerLostException ISharingRanks.Lost(int number, string reason) => Lost(number, reason);

    internal void Start() => _watch.Start();

    private void Connect(int peer, int processId)
    {
        Invariant.Check(
            ProcessIdentity.Current is not null, "a process of Linux finds itself in /proc");
        var own = new SegmentName(ProcessIdentity.Current.Value, Job, Generation, Rank, peer);
        var ringBytes = _settings.RingBytes(Size);
        var segment = RingSegment.Create(_settings.Directory, own, ringBytes);
        _writers[peer] = new RingWriter(
            segment, () => Look(peer, mayHaveEnded: false), () => NeverOpened(peer));
        var process = new PeerProcess(processId, _settings.UsesProcessHandles);
        _processes[peer] = process;
        var theirs = new SegmentName(ProcessOf(peer), Job, Generation, peer, Rank);
        _readers[peer] = new RingReader(
            peer, Rank, theirs.PathIn(_settings.Directory),
            () => Look(peer, mayHaveEnded: false), () => NeverOpened(peer));
    }

    private OperatingException NoRoom(Exception cause)
    {
        var files = Size - 1;
        var bytes = files * RingSegment.FileBytes(_settings.RingBytes(Size));
        return new OperatingException(
            $"cannot share memory with the other ranks: rank {Rank} of job {Job} needs {bytes}"
            + $" bytes in {files} files in {_settings.Directory}, and that failed"
            + $" ({cause.Message}): free space there, make it larger, or use --transport grpc",
            inner: cause);
    }

    /// <summary>Looks what has become of a peer; false while its ring is to come.</summary>
    private bool Look(int peer, bool mayHaveEnded)
    {
        if (Volatile.Read(ref _lost[peer]) is not null) return true;
        // First, so that a process that leaves in order and then ends has not just ended.
        var hasEnded = mayHaveEnded && _processes[peer]!.HasEnded;
        var isOpen = TryAttach(peer);
        var (state, reason) = ReaderOf(peer).AskPeer();
        if (state is not (SideState.Closed or SideState.Left))
            (state, reason) = WriterOf(peer).AskPeer();
        if (state == SideState.Closed)
            Lose(peer, "it closed its side of the stream", isFailure: false);
        else if (state == SideState.Left)
            Lose(peer, reason, isFailure: true);
        else if (hasEnded)
            Lose(peer, _processes[peer]!.Ending, isFailure: true);
        return isOpen;
    }

    private bool TryAttach(int peer)
    {
        try
        {
            return ReaderOf(peer).TryAttach();
        }
        catch (Exception broken) when (broken is
            InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Lose(peer, broken.Message, isFailure: true);
            return true;
        }
    }

    private void NeverOpened(int peer) => Lose(
        peer,
        $"it did not open generation {Generation} of job {Job} within"
        + $" {_settings.OpenTimeout.TotalSeconds} s",
        isFailure: true);

    /// <summary>
    /// When it returns, calls for this peer fail, whoever was the first to notice.
    /// </summary>
    private void Lose(int peer, string reason, bool isFailure)
    {
        var failure = Lost(peer, reason);
        lock (_gate)
        {
            if (_cancelReason is not null || _lost[peer] is not null) return;
            ReaderOf(peer).Fail(failure);
            WriterOf(peer).Fail(failure);
            // Last: whoever sees it, without the gate, relies on both having failed.
            Volatile.Write(ref _lost[peer], failure);
            Disturbed?.Invoke();
            if (_closing || !isFailure || _peerLost is null) return;
        }

        ThreadPool.QueueUserWorkItem(_ => _peerLost(peer, failure.Message));
    }

    private void Free()
    {
        _watch.Dispose();
        foreach (var writer in _writers)
            writer?.Release();
        foreach (var reader in _readers)
            reader?.Release();
        foreach (var process in _processes)
            process?.Dispose();
    }

    private RingWriter WriterOf(int peer)
    {
        var writer = _writers[peer];
        Invariant.Check(writer is not null, "a rank exchanges frames with others only");
        return writer;
    }

    private RingReader ReaderOf(int peer)
    {
        var reader = _readers[peer];
        Invariant.Check(reader is not null, "a rank exchanges frames with others only");
        return reader;
    }
}
