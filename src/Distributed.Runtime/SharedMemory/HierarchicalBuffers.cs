using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The gradient nodes of one rank in a generation of several hosts, mapped by the ranks of its
/// host. Of a bucket these add up what the host contributes, each a slice of it, in place; one of
/// them, their leader, sums that with the leaders of the other hosts; then each copies the sum.
/// Between hosts a gradient so travels once for each host, however many ranks the host has.
/// </summary>
/// <remarks>
/// The transport of all ranks tells every rank who has died or left, wherever that was, and ends
/// all waits: for the host's ranks and for other leaders.
/// </remarks>
public sealed class HierarchicalBuffers : IResidentBuffers
{
    private const int AgreementPhase = 5;

    private readonly ResidentBuffers _host;
    private readonly SlotSum _sum;
    private readonly int _number;
    private readonly int _count;
    private readonly Memory<byte> _leaderOutput;

    /// <summary>Null where another rank leads the host.</summary>
    private readonly IBucketReducer? _leaders;

    private long _step;

    private HierarchicalBuffers(
        ResidentBuffers host, GrpcTransport transport, HierarchicalPlan plan,
        CollectiveScope scope, FrameReducer frames)
    {
        _host = host;
        var hostNumber = plan.HostOf(transport.Rank);
        var reduction = plan.Hosts[hostNumber];
        _number = transport.Rank - reduction.Group.First;
        _count = reduction.Group.Count;
        Memory<byte>[] slots = [.. Enumerable.Range(0, _count).SelectMany(host.NodesOf)];
        _sum = new SlotSum(reduction.Adds, slots);
        _leaderOutput = slots[0];
        if (_number != 0) return;
        var local = plan.Between.Locals[hostNumber];
        var buffers = new Memory<byte>[local.BufferCount];
        for (var node = 0; node < local.Nodes.Count; node++)
            buffers[local.NodeBuffers[node]] = slots[reduction.NodeSlots[node]];
        var leaders = new TransportView(
            transport, [.. plan.Hosts.Select(other => other.Group.First)]);
        _leaders = frames.Create(leaders, plan.Between, buffers, scope);
    }

    public IReadOnlyList<Memory<byte>> Nodes => _host.Nodes;

    public Memory<byte> Output => _host.Output;

    /// <summary>
    /// Maps the memory of the host's ranks; every rank of the generation calls it at the same
    /// point. Ranks of a host where that does not work take part as hosts of their own, and all
    /// ranks know it. Null where it works on no host.
    /// </summary>
    /// <param name="transport">Connects all ranks, and from now on fails for all of them when one
    /// is lost; not owned, and outlives what is returned.</param>
    /// <param name="plan">Who contributes which nodes.</param>
    /// <param name="groups">The ranks that may share memory.</param>
    /// <param name="processIds">By rank, in the process namespace of the rank's host.</param>
    /// <param name="directory">Where the files are; on a file system in memory.</param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="frames">How gradients travel between hosts.</param>
    /// <param name="nodeElements">The floats of a gradient.</param>
    /// <param name="warn">Told why it does not work on this host, and what to do.</param>
    /// <exception cref="PeerLostException">A peer is gone.</exception>
    /// <exception cref="CollectiveCancelledException">The transport was cancelled.</exception>
    /// <exception cref="FrameRefusedException">A peer has other nodes than expected.</exception>
    public static HierarchicalBuffers? TryOpen(
        GrpcTransport transport, ReductionPlan plan, IReadOnlyList<HostGroup> groups,
        IReadOnlyList<int> processIds, string directory, CollectiveScope scope,
        FrameReducer frames, long nodeElements, Action<string>? warn = null)
    {
        transport.FailTogether();
        var group = groups.First(other => transport.Rank < other.End);
        int[] nodeCounts = [.. plan.Locals.Select(local => local.Nodes.Count)];
        var host = group.Count == 1
            ? null
            : ResidentBuffers.TryMap(
                Sharing(group), nodeCounts[group.First..group.End], nodeElements, warn);
        try
        {
            var sharing = HostGroup.Sharing(groups, Agree(transport, scope, host is not null));
            if (sharing.Count == transport.Size) return null;
            host ??= ResidentBuffers.Alone(
                Sharing(new HostGroup(transport.Rank, 1)), nodeCounts[transport.Rank],
                nodeElements);
            return new HierarchicalBuffers(
                host, transport, new HierarchicalPlan(plan, sharing), scope, frames);
        }
        catch
        {
            host?.Dispose();
            throw;
        }

        HostRanks Sharing(HostGroup ranks) =>
            new(transport, ranks, processIds, scope.Job, directory);
    }

    public void Reduce(long step, int bucket, long offset, long length)
    {
        _step = step;
        _host.Meet(step, bucket, (int)Stage.OwnNodes, offset, length);
        var (start, end) = ResidentSum.Slice(offset, length, _number, _count);
        _sum.Sum(start, end);
        _host.Meet(step, bucket, (int)Stage.HostNodes, offset, length);
        _leaders?.Reduce(step, bucket, offset, length);
        _host.Meet(step, bucket, (int)Stage.Sum, offset, length);
        if (_number != 0) Part(_leaderOutput).CopyTo(Part(Output));

        Span<byte> Part(Memory<byte> buffer) => buffer.Span.Slice(
            checked((int)(offset * sizeof(float))), checked((int)(length * sizeof(float))));
    }

    public void EndStep()
    {
        _leaders?.EndStep();
        _host.Meet(
            _step, ResidentBuffers.EndOfStep, (int)Stage.Copies, offset: 0, length: 0);
    }

    /// <summary>Unmaps the memory: nothing may use it any more.</summary>
    public void Dispose() => _host.Dispose();

    /// <summary>Tells all ranks whether this one shares memory, and returns what all told.
    /// </summary>
    private static bool[] Agree(GrpcTransport transport, CollectiveScope scope, bool shares)
    {
        byte[] own = [shares ? (byte)1 : (byte)0];
        return [.. AllGather.Run(transport, own, Header).Select(answer => answer[0] != 0)];

        FrameHeader Header(int rank) => new(
            scope.Job, scope.Generation, Step: 0, Bucket: 0, AgreementPhase, rank, Offset: 0,
            Length: 1, Checksum: 0);
    }

    /// <summary>What all ranks of a host have done when they meet.</summary>
    private enum Stage
    {
        /// <summary>Each rank's own nodes are there.</summary>
        OwnNodes = 1,

        /// <summary>What the host contributes is there.</summary>
        HostNodes = 2,

        /// <summary>The sum over all hosts is in the leader's buffer.</summary>
        Sum = 3,

        /// <summary>All have copied it.</summary>
        Copies = 4,
    }
}
