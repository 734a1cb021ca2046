using Distributed.Collectives.Reduction;
using Distributed.Runtime.SharedMemory;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>An all-reduce in memory that all ranks have mapped.</summary>
/// <param name="transport">Owned, as the buffers are.</param>
internal sealed class ResidentReducer(
    SharedMemoryTransport transport, ResidentBuffers buffers) : IRankReducer
{
    public Memory<byte> Bucket => buffers.Nodes[0];

    public void Reduce(long step, long elements)
    {
        buffers.Reduce(step, bucket: 0, offset: 0, elements);
        buffers.EndStep();
    }

    /// <summary>The end of a step is a barrier.</summary>
    public void Barrier(long step) => buffers.EndStep();

    public void Dispose()
    {
        buffers.Dispose();
        transport.Dispose();
    }
}
