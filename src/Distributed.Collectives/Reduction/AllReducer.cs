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
/// holds one node. Chunk by chunk, so that a chunk is summed while the next ones travel. What is
/// short is sent whole to all, and each sums it: more bytes, but only once the delay of the links.
/// </summary>
public sealed class AllReducer : IBucketReducer
{
    /// <summary>Slices begin on a cache line: 16 floats.</summary>
    private const int AlignmentElements = 16;

    /// <summary>
    /// So much sent at once takes a link of 1 Gb/s a millisecond, about the delay that it saves.
    /// </summary>
    private const int WholeBytesMax = 128 * 1024;

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
    /// <param name="chunkElements">The longest payload of a frame; null for what suits the
    /// transport.</param>
    public AllReducer(
        ITransport transport, ReductionPlan plan, IReadOnlyList<Memory<byte>> buffers,
        CollectiveScope scope, int? chunkElements = null)
    {
        Invariant.Check(
            transport.Size == plan.Map.RankCount, "the transport connects the plan's ranks");
        this.transport = transport;
        this.plan = plan;
        this.scope = scope;
        this.chunkElements = chunkElements ?? transport.Pacing.ChunkBytes / sizeof(float);
        Invariant.Check(this.chunkElements > 0, "a chunk holds something");
        rank = transport.Rank;
        localNodes = [.. plan.Locals[rank].NodeBuffers.Select(buffer => buffers[buffer])];
        received = new Memory<byte>[plan.SlotCount];
        for (int slot = 0; slot < plan.SlotCount; slot++)
        {
            bool local = OwnerOf(slot) == rank;
            received[slot] = local
                ? default
                : GC.AllocateUninitializedArray<byte>(
                    this.chunkElements * sizeof(float), pinned: true);
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
        if (length <= chunkElements
            && length * sizeof(float) * (transport.Size - 1) <= WholeBytesMax)
        {
            ReduceWhole(range);
            return;
        }

        long chunks = ChunksOfLongestSlice(range);
        // So far sends run ahead of sums, and sums ahead of their return.
        long ahead = Math.Min(transport.Pacing.AheadChunks, chunks);
        for (long turn = -ahead; turn < chunks + ahead; turn++)
        {
            SendNodes(range, turn + ahead);
            ReduceOwnSlice(range, turn);
            GatherSlices(range, turn - ahead);
        }
    }

    /// <summary>Waits until no payload of the step is in use any more.</summary>
    public void EndStep() => transport.Flush();

    /// <summary>Sends the own nodes to all, and sums those of all.</summary>
    private void ReduceWhole(BucketRange bucket)
    {
        int count = (int)bucket.Length;
        for (int distance = 1; distance < transport.Size; distance++)
            SendNodes(bucket, Next(distance), bucket.Offset, count);
        for (int distance = 1; distance < transport.Size; distance++)
            ReceiveNodes(bucket, Previous(distance), bucket.Offset, count);
        // The sum takes the place of what is sent; the others, too, have all they wait for.
        transport.Flush();
        AddNodes(bucket.Offset, count);
    }

    /// <summary>Sends one chunk of every other rank's slice.</summary>
    private void SendNodes(BucketRange bucket, long chunk)
    {
        for (int distance = 1; distance < transport.Size; distance++)
        {
            int peer = Next(distance);
            if (TryFind(bucket, peer, chunk, out long at, out int count))
                SendNodes(bucket, peer, at, count);
        }
    }

    private void SendNodes(BucketRange bucket, int peer, long at, int count)
    {
        IReadOnlyList<int> nodes = plan.Locals[rank].Nodes;
        for (int node = 0; node < nodes.Count; node++)
        {
            Memory<byte> payload = Bytes(localNodes[node], at, count);
            FrameHeader header = Header(bucket, Phase.Scatter, nodes[node], at, count);
            transport.Send(peer, header, payload);
        }
    }

    /// <summary>Sums one chunk of the own slice, and sends the sum to all.</summary>
    private void ReduceOwnSlice(BucketRange bucket, long chunk)
    {
        if (!TryFind(bucket, rank, chunk, out long at, out int count))
            return;
        for (int distance = 1; distance < transport.Size; distance++)
            ReceiveNodes(bucket, Previous(distance), at, count);
        Memory<byte> sum = AddNodes(at, count);
        FrameHeader header = Header(bucket, Phase.Gather, ReductionTree.Root, at, count);
        for (int distance = 1; distance < transport.Size; distance++)
            transport.Send(Next(distance), header, sum);
    }

    /// <summary>Adds the nodes of all ranks in the plan's order; returns the sum.</summary>
    private Memory<byte> AddNodes(long at, int count)
    {
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
        return sum;
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

    /// <summary>Receives one chunk of every other rank's sums.</summary>
    private void GatherSlices(BucketRange bucket, long chunk)
    {
        for (int distance = 1; distance < transport.Size; distance++)
        {
            int peer = Previous(distance);
            if (!TryFind(bucket, peer, chunk, out long at, out int count))
                continue;
            FrameHeader expected = Header(bucket, Phase.Gather, ReductionTree.Root, at, count);
            transport.Receive(peer, expected, Bytes(localNodes[0], at, count));
        }
    }

    /// <summary>
    /// Sends begin with the rank after this one, and receives with the rank before it. Else all
    /// would wait for the link of rank 0 first, then for that of rank 1, while others idle.
    /// </summary>
    private int Next(int distance) => (rank + distance) % transport.Size;

    private int Previous(int distance) => (rank + transport.Size - distance) % transport.Size;

    /// <summary>Finds a chunk of a rank's slice; false where the slice has no such chunk.</summary>
    private bool TryFind(BucketRange bucket, int owner, long chunk, out long at, out int count)
    {
        (long start, long end) = Slice(bucket, owner);
        at = start + chunk * chunkElements;
        count = (int)Math.Clamp(end - at, 0, chunkElements);
        return chunk >= 0 && count > 0;
    }

    private long ChunksOfLongestSlice(BucketRange bucket)
    {
        long longest = 0;
        for (int owner = 0; owner < transport.Size; owner++)
        {
            (long start, long end) = Slice(bucket, owner);
            longest = Math.Max(longest, end - start);
        }

        return (longest + chunkElements - 1) / chunkElements;
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
