using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>
/// An all-reduce by frames over a transport, from memory outside the managed heap.
/// </summary>
internal sealed unsafe class TransportReducer : IRankReducer
{
    private readonly ITransport _transport;
    private readonly void* _memory;
    private readonly AllReducer _reducer;
    private readonly RankBarrier _barrier;

    /// <param name="transport">Owned from now on.</param>
    /// <param name="plan">In which every rank contributes one node.</param>
    /// <param name="capacityBytes">Of the bucket.</param>
    /// <param name="scope">Stamped on every frame.</param>
    public TransportReducer(
        ITransport transport, ReductionPlan plan, int capacityBytes, CollectiveScope scope)
    {
        const int pageBytes = 4096;
        _transport = transport;
        _memory = NativeMemory.AlignedAlloc((nuint)capacityBytes, pageBytes);
        Bucket = new UnmanagedMemory((nint)_memory, capacityBytes).Memory;
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
        NativeMemory.AlignedFree(_memory);
    }
}
