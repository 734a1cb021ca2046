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
public sealed unsafe class ResidentBuffers : IResidentBuffers
{
    internal const int EndOfStep = -1;
    private const int Phase = 4;

    /// <summary>Tells meetings of one bucket apart, where it has several.</summary>
    private const int OnlyStage = 0;

    private readonly Lock _gate = new();
    private readonly ISharingRanks _ranks;
    private readonly int _number;
    private readonly BufferSegment[] _segments;
    private readonly SharedBarrier _barrier;

    /// <summary>Null where there is nobody to sum with.</summary>
    private readonly ResidentSum? _sum;

    private long _step;
    private bool _isDisposed;

    /// <param name="ranks">Not owned; outlive this.</param>
    /// <param name="segments">By number of the rank; owned from now on.</param>
    /// <param name="plan">Who contributes which nodes; null where a Reduce is not asked for.
    /// </param>
    private ResidentBuffers(ISharingRanks ranks, BufferSegment[] segments, ReductionPlan? plan)
    {
        (_ranks, _segments, _number) = (ranks, segments, ranks.Transport.Rank);
        _barrier = new SharedBarrier(
            segments[0].BarrierWords, [.. segments.Select(segment => segment.BarrierLines)],
            _number);
        if (plan is not null && segments.Length > 1)
            _sum = new ResidentSum(plan, [.. segments.Select(segment => segment.Nodes)]);
        _ranks.Disturbed += Disturb;
        // Of what happened before that nobody was told.
        if (ranks.Failure() is not null) Disturb();
    }

    public IReadOnlyList<Memory<byte>> Nodes => _segments[_number].Nodes;

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
        int[] nodeCounts = [.. plan.Locals.Select(local => local.Nodes.Count)];
        return TryMap(transport, nodeCounts, nodeElements, warn, plan);
    }

    public void Reduce(long step, int bucket, long offset, long length)
    {
        if (_sum is null) return;
        _step = step;
        Meet(step, bucket, OnlyStage, offset, length);
        var (start, end) = ResidentSum.Slice(offset, length, _number, _segments.Length);
        _sum.Sum(start, end);
    }

    public void EndStep()
    {
        if (_sum is null) return;
        Meet(_step, EndOfStep, OnlyStage, offset: 0, length: 0);
    }

    /// <summary>Unmaps the memory: nothing may use it any more.</summary>
    public void Dispose()
    {
        _ranks.Disturbed -= Disturb;
        lock (_gate)
        {
            _isDisposed = true;
            foreach (var segment in _segments)
                segment.Dispose();
        }
    }

    /// <summary>As <see cref="TryOpen"/>, for ranks that reduce by themselves.</summary>
    internal static ResidentBuffers? TryMap(
        ISharingRanks ranks, IReadOnlyList<int> nodeCounts, long nodeElements,
        Action<string>? warn, ReductionPlan? plan = null)
    {
        var segments = new BufferExchange(ranks, nodeCounts, nodeElements, warn).Run();
        return segments is null ? null : new ResidentBuffers(ranks, segments, plan);
    }

    /// <summary>Of a rank that shares memory with nobody.</summary>
    internal static ResidentBuffers Alone(ISharingRanks rank, int nodeCount, long nodeElements) =>
        new(
            rank,
            [
                BufferSegment.CreatePrivate(new SegmentLabel(
                    SegmentLabel.CurrentLayout, rank.Job, rank.Generation, rank.RankOf(0),
                    nodeCount, nodeElements, Identity: 0)),
            ],
            plan: null);

    /// <summary>Those of a rank, by its number.</summary>
    internal IReadOnlyList<Memory<byte>> NodesOf(int number) => _segments[number].Nodes;

    /// <summary>Waits until all ranks have come to the same point; they finished the one before.
    /// </summary>
    internal void Meet(long step, int bucket, int stage, long offset, long length)
    {
        var here = new FrameHeader(
            _ranks.Job, _ranks.Generation, step, bucket, Phase, stage, offset,
            checked((int)length), Checksum: 0);
        if (_barrier.IsDisturbed) ThrowIfFailed();
        _barrier.Arrive(here);
        if (!_barrier.EndsSoon()) AwaitEnd();
        for (var peer = 0; peer < _segments.Length; peer++)
        {
            ref readonly var theirs = ref _barrier.Announced(peer);
            if (theirs.RefusalAgainst(here, _ranks.RankOf(peer), _ranks.RankOf(_number))
                is { } refusal) throw refusal;
        }
    }

    private void AwaitEnd()
    {
        while (!_barrier.HasEnded())
        {
            var ticket = _barrier.Announce();
            try
            {
                if (_barrier.HasEnded()) return;
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
        if (_ranks.Failure() is { } failure) throw Failures.Again(failure);
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
