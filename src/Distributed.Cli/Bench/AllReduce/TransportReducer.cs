using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Torch;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>
/// An all-reduce by frames over a transport, from such memory as gradients have.
/// </summary>
internal sealed unsafe class TransportReducer : IRankReducer
{
    private readonly ITransport _transport;
    private readonly NativeBuffer _memory;
    private readonly AllReducer _reducer;
    private readonly RankBarrier _barrier;

    /// <param name="transport">Owned from now on.</param>
    /// <param name="plan">In which every rank contributes one node.</param>
    /// <param name="capacityBytes">Of the bucket.</param>
    /// <param name="scope">Stamped on every frame.</param>
    public TransportReducer(
        ITransport transport, ReductionPlan plan, int capacityBytes, CollectiveScope scope)
    {
        _transport = transport;
        _memory = new NativeBuffer(capacityBytes);
        Bucket = new UnmanagedMemory((nint)_memory.Pointer, capacityBytes).Memory;
        // The first of a rank's buffers is its node; the others are not used here.
        Memory<byte>[] buffers =
            [.. Enumerable.Repeat(Bucket, plan.Locals[transport.Rank].BufferCount)];
        _reducer = new AllReducer(transport, plan, buffers, scope);
        _barrier = new RankBarrier(transport, plan, scope);
    }

    public Memory<byte> Bucket { get; }

    public void Reduce(long step, long elements)
    {
        _reducer.Reduce(step, bucket: 0, offset: 0, elements);
        _transport.Flush();
    }

    public void Barrier(long step) => _barrier.Pass(step);

    public void Dispose()
    {
        _transport.Dispose();
        _memory.Dispose();
    }
}
