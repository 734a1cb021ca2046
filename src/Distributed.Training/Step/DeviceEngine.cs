using Distributed.Collectives.Reduction;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Models;
using Distributed.Training.Optimization;
using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>
/// Steps on a device that holds data and state: the host draws which samples a step has and how
/// each is changed. The host's buffers are a copy of the state.
/// </summary>
internal sealed class DeviceEngine : IStepEngine, IDeviceGradients
{
    /// <summary>
    /// Each is a copy of its own off the device, which costs some microseconds however small it is.
    /// </summary>
    private const long BucketBytes = 1 << 20;

    private readonly RunSpec _spec;
    private readonly DatasetPair _data;
    private readonly BatchPlan _batches;
    private readonly DeviceTrainer _trainer;
    private readonly TorchModel? _loss;
    private readonly TestTimeView[] _views;
    private readonly TrainerSample[] _samples;
    private readonly float[] _logitsOfView;
    private ModelState? _state;
    private ParameterUpdates? _updates;
    private NativeBuffer? _gradients;

    /// <param name="spec">The run's.</param>
    /// <param name="network">The spec's model for the data.</param>
    /// <param name="data">Is copied to the device; not owned.</param>
    /// <param name="batches">Which samples a step has.</param>
    public DeviceEngine(RunSpec spec, Network network, DatasetPair data, BatchPlan batches)
    {
        _spec = spec;
        _data = data;
        _batches = batches;
        string text = network.ToEngineText(spec.LabelSmoothing);
        _trainer = DeviceTrainer.Create(text, new TrainerSettings(
            spec.Precision == PrecisionKind.Bf16
                ? TrainerPrecision.Bfloat16
                : TrainerPrecision.Single,
            IsExact: spec.Reduction == ReductionMode.Exact, Captures: true, spec.LogicalShards,
            Math.Max(batches.ShardSamplesMax, TrainingSession.TestBatchSamples), BucketBytes));
        _views = TestTimeView.Of(spec.TestTimeAugmentation);
        // The loss of several views' mean is of no single pass over the device.
        _loss = _views.Length > 0 ? TorchModel.Create(text) : null;
        _samples = new TrainerSample[Math.Max(
            batches.ShardSamplesMax * Math.Min(_trainer.Layout.ShardsMax, spec.LogicalShards),
            TrainingSession.TestBatchSamples)];
        _logitsOfView = new float[TrainingSession.TestBatchSamples * data.ClassCount];
        Load(SampleSet.Train, data.Train);
        Load(SampleSet.Test, data.Test);
    }

    public ModelLayout Layout => _trainer.Layout;

    public bool IsOnHost => false;

    public void Attach(ModelState state, ParameterUpdates updates)
    {
        (_state, _updates) = (state, updates);
        _trainer.SetOptimizer(
            [
                .. updates.Stretches.Select(stretch => new TrainerStretch(
                    stretch.Offset, stretch.Length, stretch.Rows, stretch.LastStep,
                    stretch.RateFactor, stretch.Settings)),
            ],
            state.Optimizer.Length, updates.HasLookahead);
        Write();
    }

    public void Write()
    {
        ModelState state = _state!;
        _trainer.WriteParameters(state.Parameters);
        _trainer.WriteStatistics(state.Statistics);
        for (int buffer = 0; buffer < state.Optimizer.Length; buffer++)
            _trainer.WriteOptimizer(buffer, state.Optimizer[buffer]);
    }

    public void Read()
    {
        ModelState state = _state!;
        _trainer.ReadParameters(state.Parameters);
        _trainer.ReadStatistics(state.Statistics);
        for (int buffer = 0; buffer < state.Optimizer.Length; buffer++)
            _trainer.ReadOptimizer(buffer, state.Optimizer[buffer]);
    }

    public IDisposable? Pin(NativeBuffer buffer) => new PinnedMemory(buffer);

    public void Compute(
        long step, int firstShard, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, NativeBuffer gradients, Action<int> bucketReady) =>
        _trainer.Compute(
            Draw(step - 1, firstShard, shards.Length), shards, lossScale, votes, gradients,
            bucketReady);

    public void Apply(long step, double learningRate, NativeBuffer gradients) =>
        _trainer.Update(gradients, UpdateOf(step, learningRate));

    public nint AddressOf(int buffer) => _trainer.NodeAddress(buffer);

    public void ComputeResident(
        long step, ShardWork work, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, Action<int> bucketReady)
    {
        Span<SlotAddition> adds = stackalloc SlotAddition[work.Adds.Count];
        for (int index = 0; index < adds.Length; index++)
            adds[index] = new SlotAddition(work.Adds[index].Target, work.Adds[index].Source);
        _trainer.ComputeResident(
            Draw(step - 1, work.Shard, shards.Length), shards, lossScale, votes, work.Buffer,
            adds, bucketReady);
    }

    public void ReadTrailer(int buffer, Span<float> trailer) =>
        _trainer.ReadTrailer(buffer, trailer);

    public void ApplyResident(long step, double learningRate, int buffer) =>
        _trainer.UpdateResident(buffer, UpdateOf(step, learningRate));

    public void ComputeAndApply(
        long step, Span<ModelShard> shards, double lossScale, ReadOnlySpan<float> votes,
        double learningRate, Span<float> trailer) =>
        _trainer.Step(
            Draw(step - 1, 0, shards.Length), shards, lossScale, votes,
            UpdateOf(step, learningRate), trailer);

    public void CopyGradients(Span<float> destination)
    {
        _gradients ??= NativeBuffer.Of(_trainer.Type, Layout.GradientLength);
        _trainer.ReadGradients(_gradients);
        _gradients.AsSpan<float>()[..destination.Length].CopyTo(destination);
    }

    public EvaluationResult Evaluate(int first, Span<int> labels, Span<float> logits)
    {
        _data.Test.Labels.Slice(first, labels.Length).CopyTo(labels);
        if (_loss is null)
            return EvaluateView(first, labels.Length, default, logits);
        logits.Clear();
        Span<float> ofView = _logitsOfView.AsSpan(0, logits.Length);
        foreach (TestTimeView view in _views)
        {
            EvaluateView(first, labels.Length, view.Change, ofView);
            TestTimeView.Add(ofView, view.Weight, logits);
        }

        return _loss.LossOf(logits, labels);
    }

    public void Dispose()
    {
        _trainer.Dispose();
        _loss?.Dispose();
        _gradients?.Dispose();
    }

    private void Load(SampleSet set, Dataset dataset)
    {
        if (dataset.Count == 0)
            return;
        _trainer.Load(
            set, in dataset.Image(0)[0], dataset.Labels,
            new ImageNormalizer(_data.Shape, _data.Mean, _data.StandardDeviation).Values());
    }

    /// <summary>The samples of shards that follow one another, and their changes.</summary>
    /// <param name="step">Counted from 0.</param>
    private ReadOnlySpan<TrainerSample> Draw(long step, int firstShard, int shardCount)
    {
        AugmentationSettings settings = _spec.Augmentation;
        (long epoch, _, _) = _batches.Locate(step);
        int drawn = 0;
        for (int shard = firstShard; shard < firstShard + shardCount; shard++)
        {
            (long position, int count) = _batches.ShardRange(step, shard);
            for (int index = 0; index < count; index++)
            {
                long sample = _batches.Sample(epoch, position + index);
                Augmentation change = Augmentation.Of(
                    settings, _data.Shape, _spec.Seed, step, shard, index, epoch, sample);
                _samples[drawn++] = Changed((int)sample, change, settings.CropPaddingMode);
            }
        }

        return _samples.AsSpan(0, drawn);
    }

    private EvaluationResult EvaluateView(
        int first, int count, in Augmentation change, Span<float> logits)
    {
        for (int index = 0; index < count; index++)
            _samples[index] = Changed(first + index, change, CropPaddingMode.Reflect);
        return _trainer.Evaluate(SampleSet.Test, _samples.AsSpan(0, count), logits);
    }

    private static TrainerSample Changed(
        int sample, in Augmentation change, CropPaddingMode mode) => new(
            sample, change.CropRows, change.CropColumns, change.TranslateRows,
            change.TranslateColumns, change.Flip ? 1 : 0, mode == CropPaddingMode.Reflect ? 1 : 0,
            change.CutoutTop, change.CutoutBottom, change.CutoutLeft, change.CutoutRight);

    private TrainerUpdate UpdateOf(long step, double learningRate)
    {
        (float share, bool takesSlow) = _updates!.LookaheadAt(step);
        return new TrainerUpdate(learningRate, step, share, takesSlow);
    }
}
