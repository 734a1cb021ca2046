using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;
using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>Which job and generation a collective belongs to: every frame carries both.</summary>
public readonly record struct CollectiveScope(ulong Job, int Generation);

/// <summary>
/// Sums a bucket over all ranks: a reduce-scatter followed by an all-gather (Patarasu and Yuan,
/// "Bandwidth optimal all-reduce algorithms", 2009), with the additions in the plan's order. Every
/// rank owns one slice of the bucket; it receives that slice of every other rank's tree nodes,
/// adds them, and sends the sum to all. Each float crosses a link 2(n-1)/n times where every rank
/// holds one node.
/// </summary>
public sealed class AllReducer : IBucketReducer
{
    /// <summary>Slices begin on a cache line: 16 floats.</summary>
    private const int AlignmentElements = 16;

    private readonly ITransport transport;
    private readonly CollectiveScope scope;
    private readonly ReductionPlan plan;
    private readonly Memory<byte>[] localNodes;
    private readonly Memory<byte>[] received;
    private readonly int chunkElements;
    private readonly int rank;

    /// <param name="transport">Connects the generation's ranks; not owned.</param>
    /// <param name="plan">Who contributes which nodes.</param>
    /// <param name="buffers">
    /// This rank's buffers, as its <see cref="LocalReduction"/> numbers them; float32, all of one
    /// length. The sum replaces what is in the buffer of the first node.
    /// </param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="chunkElements">The longest payload of a frame.</param>
    public AllReducer(
        ITransport transport, ReductionPlan plan, IReadOnlyList<Memory<byte>> buffers,
        CollectiveScope scope, int chunkElements = 1 << 16)
    {
        Invariant.Check(
            transport.Size == plan.Map.RankCount, "the transport connects the plan's ranks");
        Invariant.Check(chunkElements > 0, "a chunk holds something");
        this.transport = transport;
        this.plan = plan;
        this.scope = scope;
        this.chunkElements = chunkElements;
        rank = transport.Rank;
        localNodes = [.. plan.Locals[rank].NodeBuffers.Select(buffer => buffers[buffer])];
        received = new Memory<byte>[plan.SlotCount];
        for (int slot = 0; slot < plan.SlotCount; slot++)
        {
            bool local = OwnerOf(slot) == rank;
            received[slot] = local
                ? default
                : GC.AllocateUninitializedArray<byte>(chunkElements * sizeof(float), pinned: true);
        }
    }

    /// <inheritdoc/>
    public Memory<byte> Output => localNodes[0];

    /// <inheritdoc/>
    public void Reduce(long step, int bucket, long offset, long length)
    {
        if (transport.Size == 1)
            return;
        var range = new BucketRange(step, bucket, offset, length);
        SendNodes(range);
        ReduceOwnSlice(range);
        GatherSlices(range);
    }

    /// <summary>Waits until no payload of the step is in use any more.</summary>
    public void EndStep() => transport.Flush();

    private void SendNodes(BucketRange bucket)
    {
        IReadOnlyList<int> nodes = plan.Locals[rank].Nodes;
        for (int distance = 1; distance < transport.Size; distance++)
        {
            // Starting with the next rank spreads the load: else all would send to rank 0 first.
            int peer = (rank + distance) % transport.Size;
            (long start, long end) = Slice(bucket, peer);
            for (long at = start; at < end; at += chunkElements)
            {
                int count = (int)Math.Min(chunkElements, end - at);
                for (int node = 0; node < nodes.Count; node++)
                {
                    Memory<byte> payload = Bytes(localNodes[node], at, count);
                    FrameHeader header = Header(bucket, Phase.Scatter, nodes[node], at, count);
                    transport.Send(peer, header, payload);
                }
            }
        }
    }

    private void ReduceOwnSlice(BucketRange bucket)
    {
        (long start, long end) = Slice(bucket, rank);
        for (long at = start; at < end; at += chunkElements)
        {
            int count = (int)Math.Min(chunkElements, end - at);
            for (int peer = 0; peer < transport.Size; peer++)
            {
                if (peer != rank)
                    ReceiveNodes(bucket, peer, at, count);
            }

            for (int index = 0; index < plan.Adds.Count; index++)
            {
                VectorAdd add = plan.Adds[index];
                Span<float> target = Floats(SlotBytes(add.Target, at, count));
                TensorPrimitives.Add(target, Floats(SlotBytes(add.Source, at, count)), target);
            }

            Memory<byte> sum = Bytes(localNodes[0], at, count);
            Memory<byte> root = SlotBytes(0, at, count);
            if (rank != OwnerOf(0))
                root.Span.CopyTo(sum.Span);
            FrameHeader header = Header(bucket, Phase.Gather, ReductionTree.Root, at, count);
            for (int distance = 1; distance < transport.Size; distance++)
                transport.Send((rank + distance) % transport.Size, header, sum);
        }
    }

    private void ReceiveNodes(BucketRange bucket, int peer, long at, int count)
    {
        IReadOnlyList<int> nodes = plan.Locals[peer].Nodes;
        for (int node = 0; node < nodes.Count; node++)
        {
            FrameHeader expected = Header(bucket, Phase.Scatter, nodes[node], at, count);
            Memory<byte> slot = received[plan.FirstSlots[peer] + node];
            transport.Receive(peer, expected, slot[..(count * sizeof(float))]);
        }
    }

    private void GatherSlices(BucketRange bucket)
    {
        for (int peer = 0; peer < transport.Size; peer++)
        {
            if (peer == rank)
                continue;
            (long start, long end) = Slice(bucket, peer);
            for (long at = start; at < end; at += chunkElements)
            {
                int count = (int)Math.Min(chunkElements, end - at);
                FrameHeader expected = Header(bucket, Phase.Gather, ReductionTree.Root, at, count);
                transport.Receive(peer, expected, Bytes(localNodes[0], at, count));
            }
        }
    }

    private FrameHeader Header(BucketRange bucket, Phase phase, int node, long at, int count) =>
        new(scope.Job, scope.Generation, bucket.Step, bucket.Bucket, (int)phase, node, at, count,
            Checksum: 0);

    private (long Start, long End) Slice(BucketRange bucket, int owner)
    {
        long units = (bucket.Length + AlignmentElements - 1) / AlignmentElements;
        long start = units * owner / transport.Size * AlignmentElements;
        long end = units * (owner + 1) / transport.Size * AlignmentElements;
        return (bucket.Offset + Math.Min(start, bucket.Length),
            bucket.Offset + Math.Min(end, bucket.Length));
    }

    private int OwnerOf(int slot)
    {
        int owner = plan.FirstSlots.Length - 1;
        while (plan.FirstSlots[owner] > slot)
            owner--;
        return owner;
    }

    private Memory<byte> SlotBytes(int slot, long at, int count)
    {
        int own = slot - plan.FirstSlots[rank];
        return own >= 0 && own < localNodes.Length
            ? Bytes(localNodes[own], at, count)
            : received[slot][..(count * sizeof(float))];
    }

    private static Memory<byte> Bytes(Memory<byte> buffer, long at, int count) =>
        buffer.Slice(checked((int)(at * sizeof(float))), count * sizeof(float));

    private static Span<float> Floats(Memory<byte> bytes) =>
        MemoryMarshal.Cast<byte, float>(bytes.Span);

    private enum Phase
    {
        Scatter = 0,
        Gather = 1,
    }

    private readonly record struct BucketRange(long Step, int Bucket, long Offset, long Length);
}
