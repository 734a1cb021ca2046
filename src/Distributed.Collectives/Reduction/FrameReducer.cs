using Distributed.Collectives.Transport;

namespace Distributed.Collectives.Reduction;

/// <summary>Chooses how frames carry a gradient.</summary>
/// <param name="CompressedLength">
/// Elements of the gradient, from its begin, that travel as bfloat16; 0 for none.
/// </param>
public readonly record struct FrameReducer(long CompressedLength)
{
    /// <summary>A reducer of the ranks that the transport connects, for such buffers as
    /// <see cref="AllReducer"/> takes.</summary>
    public IBucketReducer Create(
        ITransport transport, ReductionPlan plan, IReadOnlyList<Memory<byte>> buffers,
        CollectiveScope scope) => CompressedLength > 0
            ? new CompressedReducer(transport, plan, buffers, CompressedLength, scope)
            : new AllReducer(transport, plan, buffers, scope);
}
