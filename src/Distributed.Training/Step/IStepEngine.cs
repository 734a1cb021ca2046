using Distributed.Torch;
using Distributed.Training.Optimization;

namespace Distributed.Training.Step;

/// <summary>
/// Where gradients are computed and what a step changes is kept. Two engines differ in speed and
/// place, not in what a step is.
/// </summary>
/// <remarks>Used by the training thread; steps allocate nothing.</remarks>
internal interface IStepEngine : IDisposable
{
    ModelLayout Layout { get; }

    /// <summary>
    /// Whether the state is kept in the host's buffers themselves, which are a copy else.
    /// </summary>
    bool IsOnHost { get; }

    /// <summary>
    /// Comes once, before all else: which buffers hold the state, and what a step does to it.
    /// </summary>
    void Attach(ModelState state, ParameterUpdates updates);

    /// <summary>Takes over what the host's buffers hold.</summary>
    void Write();

    /// <summary>Brings the host's buffers up to date.</summary>
    void Read();

    /// <summary>Readies memory that gradients lie in; null where there is nothing to do.</summary>
    IDisposable? Pin(NativeBuffer buffer);

    /// <summary>
    /// Computes the gradient of shards that follow one another, from <paramref name="firstShard"/>
    /// on, and tells of each bucket once it is in place.
    /// </summary>
    /// <param name="step">Counted from 1.</param>
    /// <param name="shards">As many as the layout takes, or fewer; receive their results.</param>
    /// <param name="lossScale">Scales each sample's loss.</param>
    /// <param name="votes">Go into the trailer, from its third element on.</param>
    /// <param name="gradients">Receives the sum, laid out as the layout says.</param>
    /// <param name="bucketReady">Called on this thread; what it throws comes out of here.</param>
    void Compute(
        long step, int firstShard, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, NativeBuffer gradients, Action<int> bucketReady);

    /// <summary>Changes the state by the sum of all shards' gradients.</summary>
    void Apply(long step, double learningRate, NativeBuffer gradients);

    /// <summary>
    /// Computes and applies a step of all shards at once, to the same bits, where no other rank has
    /// a part in it. Only of an engine that is not on the host; what throws, and a loss that is not
    /// finite, has spoilt the state.
    /// </summary>
    /// <param name="trailer">Receives the gradients' trailer.</param>
    void ComputeAndApply(
        long step, Span<ModelShard> shards, double lossScale, ReadOnlySpan<float> votes,
        double learningRate, Span<float> trailer);

    /// <summary>Copies the gradients that <see cref="ComputeAndApply"/> applied last.</summary>
    void CopyGradients(Span<float> destination);

    /// <summary>
    /// Evaluates samples of the test set from <paramref name="first"/> on, in the run's views.
    /// </summary>
    /// <param name="labels">Receives their labels, which says how many they are.</param>
    /// <param name="logits">Receives their logits.</param>
    EvaluationResult Evaluate(int first, Span<int> labels, Span<float> logits);
}
