using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>
/// Lets no rank go before all have come: an all-reduce of a few numbers, of which every rank owns
/// some. Whatever else goes over the transport must be through.
/// </summary>
internal sealed class RankBarrier
{
    private const int LineElements = 16;

    /// <summary>Not one that the measured all-reduces use.</summary>
    private const int Bucket = 1;

    private readonly ITransport _transport;
    private readonly AllReducer _reducer;
    private readonly int _elements;

    public RankBarrier(ITransport transport, ReductionPlan plan, CollectiveScope scope)
    {
        _transport = transport;
        _elements = LineElements * transport.Size;
        byte[] numbers = GC.AllocateArray<byte>(_elements * sizeof(float), pinned: true);
        Memory<byte>[] buffers =
        [
            .. Enumerable.Repeat<Memory<byte>>(numbers, plan.Locals[transport.Rank].BufferCount),
        ];
        _reducer = new AllReducer(transport, plan, buffers, scope, LineElements);
    }

    public void Pass(long step)
    {
        _reducer.Reduce(step, Bucket, 0, _elements);
        _transport.Flush();
    }
}
