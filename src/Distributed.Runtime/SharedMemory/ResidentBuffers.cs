using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The gradient nodes of all ranks of a generation, each mapped by every rank. To reduce a bucket
/// the ranks wait until all have come to it; then each sums its slice straight from everybody's
/// nodes and stores it to everybody. Nothing is copied in or out.
/// </summary>
/// <remarks>
/// The transport beside it tells who has died or left, and wakes those who wait here.
/// </remarks>
public sealed class ResidentBuffers : IResidentBuffers
{
    private const int EndOfStep = -1;
    private const int Phase = 4;

    private readonly Lock _gate = new();
    private readonly SharedMemoryTransport _transport;
    private readonly BufferSegment[] _segments;
    private readonly SharedBarrier _barrier;

    /// <summary>Null where there is nobody to sum with.</summary>
    private readonly ResidentSum? _sum;

    private long _round;
    private long _step;
    private bool _isDisposed;

    /// <param name="transport">Not owned; outlives this.</param>
    /// <param name="plan">Who contributes which nodes.</param>
    /// <param name="segments">By rank; owned from now on.</param>
    internal ResidentBuffers(
        SharedMemoryTransport transport, ReductionPlan plan, BufferSegment[] segments)
    {
        (_transport, _segments) = (transport, segments);
        _barrier = segments[0].Barrier(segments.Length);
        if (segments.Length > 1)
            _sum = new ResidentSum(plan, [.. segments.Select(segment => segment.Nodes)]);
        _transport.Disturbed += Disturb;
        // Of what happened before that nobody was told.
        if (transport.Failure() is not null) Disturb();
    }

    public IReadOnlyList<Memory<byte>> Nodes => _segments[_transport.Rank].Nodes;

    public Memory<byte> Output => Nodes[0];

    /// <summary>
    /// Maps the memory of all ranks; every rank calls it at the same point. Null where that does
    /// not work for all of them, on every rank alike.
    /// </summary>
    /// <param name="transport">Connects the ranks; not owned, and outlives what is
    /// returned.</param>
    /// <param name="plan">Who contributes which nodes.</param>
    /// <param name="nodeElements">The floats of a gradient.</param>
    /// <param name="warn">Told why it does not work, and what to do.</param>
    /// <exception cref="PeerLostException">A peer is gone.</exception>
    /// <exception cref="CollectiveCancelledException">The transport was cancelled.</exception>
    /// <exception cref="FrameRefusedException">A peer has other nodes than expected.</exception>
    public static ResidentBuffers? TryOpen(
        SharedMemoryTransport transport, ReductionPlan plan, long nodeElements,
        Action<string>? warn = null)
    {
        var segments = new BufferExchange(transport, plan, nodeElements, warn).Run();
        return segments is null ? null : new ResidentBuffers(transport, plan, segments);
    }

    public void Reduce(long step, int bucket, long offset, long length)
    {
        if (_sum is null) return;
        _step = step;
        Meet(new FrameHeader(
            _transport.Job, _transport.Generation, step, bucket, Phase, Node: 0, offset,
            checked((int)length), Checksum: 0));
        var (start, end) = ResidentSum.Slice(offset, length, _transport.Rank, _segments.Length);
        _sum.Sum(start, end);
    }

    public void EndStep()
    {
        if (_sum is null) return;
        Meet(new FrameHeader(
            _transport.Job, _transport.Generation, _step, EndOfStep, Phase, Node: 0, Offset: 0,
            Length: 0, Checksum: 0));
    }

    /// <summary>Unmaps the memory: nothing may use it any more.</summary>
    public void Dispose()
    {
        _transport.Disturbed -= Disturb;
        lock (_gate)
        {
            _isDisposed = true;
            foreach (var segment in _segments)
                segment.Dispose();
        }
    }

    /// <summary>Waits until all ranks have come to the same point; they finished the one before.
    /// </summary>
    private void Meet(in FrameHeader here)
    {
        if (_barrier.IsDisturbed) ThrowIfFailed();
        _round++;
        _segments[_transport.Rank].Announced(_round) = here;
        _barrier.Arrive(_round);
        AwaitEnd();
        for (var peer = 0; peer < _segments.Length; peer++)
        {
            ref var theirs = ref _segments[peer].Announced(_round);
            if (theirs.RefusalAgainst(here, peer, _transport.Rank) is { } refusal) throw refusal;
        }
    }

    private void AwaitEnd()
    {
        while (!_barrier.HasEnded(_round))
        {
            var ticket = _barrier.Announce();
            try
            {
                if (_barrier.HasEnded(_round)) return;
                if (_barrier.IsDisturbed) ThrowIfFailed();
                _barrier.Sleep(ticket);
            }
            finally
            {
                _barrier.Withdraw();
            }
        }
    }

    private void ThrowIfFailed()
    {
        if (_transport.Failure() is { } failure) throw Failures.Again(failure);
    }

    /// <summary>Wakes all who wait here: they look at what has become of whom.</summary>
    private void Disturb()
    {
        lock (_gate)
        {
            if (!_isDisposed) _barrier.Disturb();
        }
    }
}
