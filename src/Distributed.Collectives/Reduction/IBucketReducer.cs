using Distributed.Collectives.Transport;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Sums this rank's gradient with those of all other ranks of a generation, bucket by bucket.
/// Every rank reduces the same buckets in the same order, and then ends the step.
/// </summary>
/// <remarks>
/// Not thread-safe, and allocates nothing per call. After an exception it cannot be used any more.
/// </remarks>
public interface IBucketReducer
{
    /// <summary>
    /// The buffer that holds the sums once <see cref="EndStep"/> has returned: float32.
    /// </summary>
    Memory<byte> Output { get; }

    /// <summary>
    /// Sums the elements from <paramref name="offset"/> on. From this call to the return of
    /// <see cref="EndStep"/> other ranks may read and write that part of this rank's buffers.
    /// </summary>
    /// <exception cref="PeerLostException">A peer is gone.</exception>
    /// <exception cref="CollectiveCancelledException">The collective was cancelled.</exception>
    /// <exception cref="FrameRefusedException">A peer does what the plan does not
    /// expect.</exception>
    void Reduce(long step, int bucket, long offset, long length);

    /// <summary>
    /// Waits until all sums are there and no rank uses this rank's buffers any more. Throws what
    /// <see cref="Reduce"/> throws.
    /// </summary>
    void EndStep();
}

/// <summary>
/// Gradient buffers that the other ranks of the host have mapped too, and that are reduced where
/// they are.
/// </summary>
public interface IResidentBuffers : IBucketReducer, IDisposable
{
    /// <summary>
    /// One for each of the tree nodes that this rank contributes, from left to right; the first is
    /// the <see cref="IBucketReducer.Output"/>. Their content is zero at first.
    /// </summary>
    IReadOnlyList<Memory<byte>> Nodes { get; }
}
