namespace Distributed.Collectives.Reduction;

/// <summary>
/// Sums gradients where they lie on the ranks' devices. It has no
/// <see cref="IBucketReducer.Output"/> that the host can read: the sum replaces the first node.
/// </summary>
public interface IDeviceReducer : IBucketReducer, IDisposable
{
    /// <summary>Says where this rank's nodes are, before the first sum.</summary>
    /// <param name="nodes">
    /// Addresses on the device, one for each tree node that this rank contributes, from left to
    /// right. What is given to <see cref="IBucketReducer.Reduce"/> is complete there.
    /// </param>
    void Bind(IReadOnlyList<nint> nodes);
}
