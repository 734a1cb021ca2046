using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Models;
using Distributed.Training.Optimization;
using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>
/// Steps on the host's processors: it assembles the samples, and the model reads the state where it
/// is kept.
/// </summary>
internal sealed class HostEngine : IStepEngine
{
    /// <summary>
    /// Small enough that the last layers' gradients travel while the first are still computed, and
    /// that little is left to send when backward ends. What is better sent as one is grouped.
    /// </summary>
    private const long BucketBytes = 128 << 10;

    private readonly RunSpec _spec;
    private readonly BatchPlan _batches;
    private readonly BatchAssembler _trainAssembler;
    private readonly BatchAssembler _testAssembler;
    private readonly TestTimeViews _views;
    private readonly float[] _images;
    private readonly int[] _labels;
    private ModelState? _state;
    private ParameterUpdates? _updates;

    /// <param name="spec">The run's.</param>
    /// <param name="network">The spec's model for the data.</param>
    /// <param name="data">Not owned.</param>
    /// <param name="batches">Which samples a step has.</param>
    public HostEngine(RunSpec spec, Network network, DatasetPair data, BatchPlan batches)
    {
        _spec = spec;
        _batches = batches;
        _trainAssembler = new BatchAssembler(data.Train, data.Mean, data.StandardDeviation);
        _testAssembler = new BatchAssembler(data.Test, data.Mean, data.StandardDeviation);
        Model = TorchModel.Create(
            network.ToEngineText(spec.LabelSmoothing), bucketBytes: BucketBytes);
        _views = new TestTimeViews(Model, spec.TestTimeAugmentation);
        int samplesMax = Math.Max(
            batches.ShardSamplesMax * Math.Min(Model.ShardsMax, spec.LogicalShards),
            TrainingSession.TestBatchSamples);
        _images = GC.AllocateArray<float>(samplesMax * data.Shape.Length, pinned: true);
        _labels = new int[samplesMax];
    }

    public TorchModel Model { get; }

    public ModelLayout Layout => Model.Layout;

    public bool IsOnHost => true;

    public void Attach(ModelState state, ParameterUpdates updates)
    {
        (_state, _updates) = (state, updates);
        Model.Bind(state.Parameters, state.Statistics);
    }

    public void Write()
    {
        // The model reads the buffers themselves.
    }

    public void Read()
    {
        // The same.
    }

    public IDisposable? Pin(NativeBuffer buffer) => null;

    public void Compute(
        long step, int firstShard, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, NativeBuffer gradients, Action<int> bucketReady)
    {
        int samples = 0;
        for (int index = 0; index < shards.Length; index++)
        {
            samples += _trainAssembler.Shard(
                _batches, _spec.Augmentation, _spec.Seed, step - 1, firstShard + index,
                _images.AsSpan(samples * Layout.ImageLength), _labels.AsSpan(samples));
        }

        votes.CopyTo(
            gradients.AsSpan<float>(Layout.GradientLength - votes.Length, votes.Length));
        Model.ForwardBackward(
            _images.AsSpan(0, samples * Layout.ImageLength), _labels.AsSpan(0, samples), shards,
            lossScale, gradients, bucketReady);
    }

    public void Apply(long step, double learningRate, NativeBuffer gradients)
    {
        ModelState state = _state!;
        _updates!.Apply(step, learningRate, state.Parameters, gradients, state.Optimizer);
        if (Layout.StatisticsLength > 0)
            Model.UpdateStatistics(gradients);
    }

    public void ComputeAndApply(
        long step, Span<ModelShard> shards, double lossScale, ReadOnlySpan<float> votes,
        double learningRate, Span<float> trailer) =>
        throw new InvariantException("on the host gradients are computed and applied apart");

    public void CopyGradients(Span<float> destination) =>
        throw new InvariantException("on the host gradients lie in the session's buffers");

    public EvaluationResult Evaluate(int first, Span<int> labels, Span<float> logits) =>
        _views.Evaluate(
            _testAssembler, first, _images.AsSpan(0, labels.Length * Layout.ImageLength), labels,
            logits);

    public void Dispose() => Model.Dispose();
}
