using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Training.Step;

/// <summary>
/// One rank's place in a generation: its shards, its gradient buffers, and the all-reduce that
/// connects it to the others (none where it is alone). Owns the transport, not the buffers.
/// </summary>
internal sealed unsafe class RankPlace : IDisposable
{
    private readonly ITransport? _transport;
    private readonly int _rankCount;

    /// <param name="plan">The generation's reduction.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="model">Says which buckets a gradient has.</param>
    /// <param name="buffers">At least as many gradient buffers as the plan gives this
    /// rank.</param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="transport">Connects the ranks; null where there is one.</param>
    public RankPlace(
        ReductionPlan plan, int rank, TorchModel model, IReadOnlyList<NativeBuffer> buffers,
        CollectiveScope scope, ITransport? transport)
    {
        Invariant.Check(
            transport is not null || plan.Map.RankCount == 1, "several ranks need a transport");
        _transport = transport;
        _rankCount = plan.Map.RankCount;
        Rank = rank;
        Scope = scope;
        Local = plan.Locals[rank];
        LastShard = plan.Map.Ranges[rank].End - 1;
        Buffers = [.. buffers.Take(Local.BufferCount)];
        if (transport is null)
            return;
        Memory<byte>[] lent =
        [
            .. Buffers.Select(buffer => new UnmanagedMemory(
                (nint)buffer.Pointer, checked((int)buffer.ByteLength)).Memory),
        ];
        AllReduce = new OverlappedAllReduce(
            new AllReducer(transport, plan, lent, scope),
            [.. model.Buckets.Select(bucket => new BucketExtent(bucket.Offset, bucket.Length))],
            transport.Flush);
    }

    public int Rank { get; }

    public CollectiveScope Scope { get; }

    /// <summary>The order of this rank's shards and additions.</summary>
    public LocalReduction Local { get; }

    public int LastShard { get; }

    public NativeBuffer[] Buffers { get; }

    public OverlappedAllReduce? AllReduce { get; }

    /// <summary>The test batches of a rank: from First up to, not including, End.</summary>
    public (int First, int End) TestShare(int rank, int batchCount) =>
        ((int)((long)batchCount * rank / _rankCount),
            (int)((long)batchCount * (rank + 1) / _rankCount));

    /// <summary>This rank's test batches and those of all others, in order.</summary>
    public EvaluatedBatch[] Gather(long step, int batchCount, EvaluatedBatch[] own)
    {
        if (_transport is null)
            return own;
        var results = new EvaluatedBatch[batchCount];
        own.CopyTo(results, TestShare(Rank, batchCount).First);
        new TestTally(_transport, Scope, step).Exchange(
            results, rank => TestShare(rank, batchCount));
        return results;
    }

    /// <summary>Wakes whoever waits for a peer. When it returns, no buffer is in use.</summary>
    public void Dispose()
    {
        _transport?.Cancel("the rank left its place");
        AllReduce?.Dispose();
        _transport?.Dispose();
    }
}
