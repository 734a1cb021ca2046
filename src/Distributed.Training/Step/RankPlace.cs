using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Training.Step;

/// <summary>
/// One rank's place in a generation: its shards, its gradient buffers, and the all-reduce that
/// connects it to the others (none where it is alone). Owns the buffers and the transport.
/// </summary>
public sealed unsafe class RankPlace : IDisposable
{
    private readonly ITransport? _transport;

    /// <param name="plan">The generation's reduction.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="model">Says how long a gradient is and which buckets it has.</param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="transport">Connects the ranks; null where there is one.</param>
    public RankPlace(
        ReductionPlan plan, int rank, TorchModel model, CollectiveScope scope,
        ITransport? transport)
    {
        Invariant.Check(
            transport is not null || plan.Map.RankCount == 1, "several ranks need a transport");
        _transport = transport;
        Local = plan.Locals[rank];
        LastShard = plan.Map.Ranges[rank].End - 1;
        long bytes = model.GradientLength * sizeof(float);
        Buffers = new NativeBuffer[Local.BufferCount];
        for (int buffer = 0; buffer < Buffers.Length; buffer++)
            Buffers[buffer] = new NativeBuffer(bytes);
        if (transport is null)
            return;
        Memory<byte>[] lent =
        [
            .. Buffers.Select(
                buffer => new UnmanagedMemory((nint)buffer.Pointer, checked((int)bytes)).Memory),
        ];
        AllReduce = new OverlappedAllReduce(
            new AllReducer(transport, plan, lent, scope),
            [.. model.Buckets.Select(bucket => new BucketExtent(bucket.Offset, bucket.Length))],
            transport.Flush);
    }

    /// <summary>The order of this rank's shards and additions.</summary>
    public LocalReduction Local { get; }

    public int LastShard { get; }

    internal NativeBuffer[] Buffers { get; }

    internal OverlappedAllReduce? AllReduce { get; }

    public void Dispose()
    {
        _transport?.Cancel("the rank left its place");
        AllReduce?.Dispose();
        _transport?.Dispose();
        foreach (NativeBuffer buffer in Buffers)
            buffer.Dispose();
    }
}
