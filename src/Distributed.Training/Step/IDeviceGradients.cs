using Distributed.Collectives.Reduction;
using Distributed.Torch;

namespace Distributed.Training.Step;

/// <summary>
/// An engine's gradients where they never leave its device: in buffers that are numbered as
/// <see cref="LocalReduction"/> numbers them, and reduced there.
/// </summary>
internal interface IDeviceGradients
{
    /// <summary>Where a buffer lies on the device, for as long as the engine lives.</summary>
    nint AddressOf(int buffer);

    /// <summary>
    /// Computes the gradient of shards, adds what the tree allows, and tells of each bucket once
    /// that is done on the device.
    /// </summary>
    /// <param name="step">Counted from 1.</param>
    /// <param name="work">Which shards, in which buffer, and what is added then.</param>
    /// <param name="shards">Receive their results.</param>
    /// <param name="lossScale">Scales each sample's loss.</param>
    /// <param name="votes">Go into the trailer, from its third element on.</param>
    /// <param name="bucketReady">Called on this thread; what it throws comes out of here.</param>
    void ComputeResident(
        long step, ShardWork work, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, Action<int> bucketReady);

    /// <summary>Copies the trailer of a buffer that is complete.</summary>
    void ReadTrailer(int buffer, Span<float> trailer);

    /// <summary>Changes the state by the sum in a buffer.</summary>
    void ApplyResident(long step, double learningRate, int buffer);
}
