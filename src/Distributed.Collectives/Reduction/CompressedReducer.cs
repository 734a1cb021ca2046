using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;
using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Sums a bucket over all ranks in bfloat16: half the bytes of <see cref="AllReducer"/>, whose
/// exchange of slices it follows. What rounding takes away is kept as a residual and added at the
/// next step (Seide et al., "1-bit stochastic gradient descent", 2014; Karimireddy et al., "Error
/// feedback fixes SignSGD", 2019), so that over the steps nothing is lost.
/// </summary>
/// <remarks>
/// Every rank rounds what it sends to the owner of a slice. The owner adds in float32, rounds the
/// sum and uses the rounded sum itself, so that all ranks hold the same bits. A rank has one
/// residual for an element: of its own contribution, or of the sum where it owns the element.
/// Residuals belong to this object, which is to say to a place in a generation: they begin at zero
/// with every generation and are not saved, so that a run that is regrouped or resumed does not
/// repeat the bits of one that is not. Their sum over ranks and what has been summed up to now make
/// the exact sum, whoever owns which element.
/// </remarks>
public sealed class CompressedReducer : IBucketReducer
{
    /// <summary>Slices begin on a cache line, compressed or not.</summary>
    private const int AlignmentElements = 32;

    private readonly ITransport transport;
    private readonly CollectiveScope scope;
    private readonly ReductionPlan plan;
    private readonly long compressedLength;
    private readonly int chunkElements;
    private readonly int rank;
    private readonly byte[] rounded;
    private readonly byte[] received;
    private readonly float[] residuals;

    /// <param name="transport">Connects the generation's ranks; not owned.</param>
    /// <param name="plan">Of <see cref="ReductionOrder.Fast"/>: a rank contributes one
    /// node.</param>
    /// <param name="buffers">
    /// This rank's buffers, as its <see cref="LocalReduction"/> numbers them; float32, all of one
    /// length. The sum replaces what is in the buffer of the node.
    /// </param>
    /// <param name="compressedLength">Elements from here on travel as float32: counts, which a
    /// bfloat16 cannot hold.</param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="chunkElements">The most elements of a frame; null for what suits the
    /// transport.</param>
    public CompressedReducer(
        ITransport transport, ReductionPlan plan, IReadOnlyList<Memory<byte>> buffers,
        long compressedLength, CollectiveScope scope, int? chunkElements = null)
    {
        Invariant.Check(
            transport.Size == plan.Map.RankCount, "the transport connects the plan's ranks");
        Invariant.Check(
            plan.SlotCount == plan.Map.RankCount, "ranks that compress contribute one node each");
        this.transport = transport;
        this.plan = plan;
        this.scope = scope;
        this.compressedLength = compressedLength;
        this.chunkElements = chunkElements ?? transport.Pacing.ChunkBytes / sizeof(float);
        Invariant.Check(this.chunkElements > 0, "a chunk holds something");
        rank = transport.Rank;
        Output = buffers[plan.Locals[rank].NodeBuffers[0]];
        rounded = GC.AllocateUninitializedArray<byte>(
            checked((int)(compressedLength * sizeof(ushort))), pinned: true);
        received = GC.AllocateUninitializedArray<byte>(
            this.chunkElements * sizeof(float), pinned: true);
        residuals = new float[compressedLength];
    }

    /// <inheritdoc/>
    public Memory<byte> Output { get; }

    /// <inheritdoc/>
    public void Reduce(long step, int bucket, long offset, long length)
    {
        if (transport.Size == 1)
            return;
        var range = new BucketRange(step, bucket, offset, length);
        long chunks = 0;
        for (int owner = 0; owner < transport.Size; owner++)
            chunks = Math.Max(chunks, SliceOf(range, owner).Chunks(chunkElements));
        long ahead = Math.Min(transport.Pacing.AheadChunks, chunks);
        for (long turn = -ahead; turn < chunks + ahead; turn++)
        {
            SendContributions(range, turn + ahead);
            ReduceOwnSlice(range, turn);
            GatherSlices(range, turn - ahead);
        }
    }

    /// <summary>Waits until no payload of the step is in use any more.</summary>
    public void EndStep() => transport.Flush();

    /// <summary>Sends one chunk of every other rank's slice.</summary>
    private void SendContributions(BucketRange bucket, long index)
    {
        for (int distance = 1; distance < transport.Size; distance++)
        {
            // Starting with the next rank spreads the load: else all would send to rank 0 first.
            int peer = (rank + distance) % transport.Size;
            if (!SliceOf(bucket, peer).TryFind(index, chunkElements, out Chunk chunk))
                continue;
            Round(chunk);
            transport.Send(peer, Scatter(bucket, rank, chunk), Payload(chunk));
        }
    }

    /// <summary>Sums one chunk of the own slice, and sends the sum to all.</summary>
    private void ReduceOwnSlice(BucketRange bucket, long index)
    {
        if (!SliceOf(bucket, rank).TryFind(index, chunkElements, out Chunk chunk))
            return;
        Span<float> sum = Values(chunk);
        Memory<byte> theirs = received.AsMemory(0, chunk.ByteLength);
        for (int peer = 0; peer < transport.Size; peer++)
        {
            if (peer == rank)
                continue;
            transport.Receive(peer, Scatter(bucket, peer, chunk), theirs);
            if (chunk.IsCompressed)
                Bfloat16.Add(sum, MemoryMarshal.Cast<byte, ushort>(theirs.Span));
            else
                TensorPrimitives.Add(sum, MemoryMarshal.Cast<byte, float>(theirs.Span), sum);
        }

        Round(chunk);
        FrameHeader header = Gather(bucket, chunk);
        for (int distance = 1; distance < transport.Size; distance++)
            transport.Send((rank + distance) % transport.Size, header, Payload(chunk));
    }

    /// <summary>Receives one chunk of every other rank's sums.</summary>
    private void GatherSlices(BucketRange bucket, long index)
    {
        for (int peer = 0; peer < transport.Size; peer++)
        {
            if (peer == rank
                || !SliceOf(bucket, peer).TryFind(index, chunkElements, out Chunk chunk))
                continue;
            // Where this rank's contribution lay: the owner has it, or there would be no sum.
            Memory<byte> payload = Payload(chunk);
            transport.Receive(peer, Gather(bucket, chunk), payload);
            if (chunk.IsCompressed)
                Bfloat16.Widen(MemoryMarshal.Cast<byte, ushort>(payload.Span), Values(chunk));
        }
    }

    /// <summary>Where it is to be sent compressed, makes it so, residuals included.</summary>
    private void Round(in Chunk chunk)
    {
        if (!chunk.IsCompressed)
            return;
        Bfloat16.RoundWithFeedback(
            Values(chunk), residuals.AsSpan((int)chunk.At, chunk.Count),
            MemoryMarshal.Cast<byte, ushort>(Payload(chunk).Span));
    }

    private Memory<byte> Payload(in Chunk chunk) => chunk.IsCompressed
        ? rounded.AsMemory((int)chunk.At * sizeof(ushort), chunk.ByteLength)
        : Output.Slice(checked((int)(chunk.At * sizeof(float))), chunk.ByteLength);

    private Span<float> Values(in Chunk chunk) =>
        MemoryMarshal.Cast<byte, float>(Output.Span).Slice((int)chunk.At, chunk.Count);

    private FrameHeader Scatter(BucketRange bucket, int from, in Chunk chunk) =>
        Header(bucket, Phase.Scatter, plan.Locals[from].Nodes[0], chunk);

    private FrameHeader Gather(BucketRange bucket, in Chunk chunk) =>
        Header(bucket, Phase.Gather, ReductionTree.Root, chunk);

    private FrameHeader Header(BucketRange bucket, Phase phase, int node, in Chunk chunk) => new(
        scope.Job, scope.Generation, bucket.Step, bucket.Bucket, (int)phase, node, chunk.At,
        chunk.Count, Checksum: 0,
        chunk.IsCompressed ? ElementFormat.Bfloat16 : ElementFormat.Float32);

    private Slice SliceOf(BucketRange bucket, int owner)
    {
        long units = (bucket.Length + AlignmentElements - 1) / AlignmentElements;
        long start = bucket.Offset + Boundary(owner);
        long end = bucket.Offset + Boundary(owner + 1);
        return new Slice(start, Math.Clamp(compressedLength, start, end), end);

        long Boundary(int next) =>
            Math.Min(units * next / transport.Size * AlignmentElements, bucket.Length);
    }

    private enum Phase
    {
        Scatter = 0,
        Gather = 1,
    }

    private readonly record struct BucketRange(long Step, int Bucket, long Offset, long Length);

    private readonly record struct Chunk(long At, int Count, bool IsCompressed)
    {
        public int ByteLength => Count * (IsCompressed ? sizeof(ushort) : sizeof(float));
    }

    /// <summary>What one rank sums: compressed up to the border, float32 from there on.</summary>
    private readonly record struct Slice(long Start, long Border, long End)
    {
        public long Chunks(int chunkElements) =>
            Count(Border - Start, chunkElements) + Count(End - Border, chunkElements);

        /// <summary>Finds a chunk; false where there is no such.</summary>
        public bool TryFind(long index, int chunkElements, out Chunk chunk)
        {
            long compressed = Count(Border - Start, chunkElements);
            bool isCompressed = index < compressed;
            long at = isCompressed
                ? Start + index * chunkElements
                : Border + (index - compressed) * chunkElements;
            long left = (isCompressed ? Border : End) - at;
            chunk = new Chunk(at, (int)Math.Clamp(left, 0, chunkElements), isCompressed);
            return index >= 0 && chunk.Count > 0;
        }

        private static long Count(long elements, int chunkElements) =>
            (elements + chunkElements - 1) / chunkElements;
    }
}
