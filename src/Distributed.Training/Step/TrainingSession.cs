using System.Diagnostics;
using System.Numerics.Tensors;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>
/// What one committed step came to. Loss and correct count are the global batch's.
/// </summary>
public readonly record struct StepResult(
    double Loss, int Correct, int Samples, double LearningRate, double ComputeMs,
    double CommunicationMs, double WaitMs, double StepMs, int StopVotes, int YieldVotes,
    int SaveVotes);

/// <summary>
/// The loss of the global batch is not a number; the rank that computed the shard says which.
/// </summary>
public sealed class LossDivergedException(string message) : Exception(message);

/// <summary>Is given the network's outputs for samples of the test set, as they come.</summary>
/// <param name="firstSample">Of the test set.</param>
/// <param name="labels">One a sample; valid during the call, as are the logits.</param>
/// <param name="logits">One a sample and class.</param>
public delegate void TestObserver(
    int firstSample, ReadOnlySpan<int> labels, ReadOnlySpan<float> logits);

/// <summary>The result of one fixed batch of the test set.</summary>
public readonly record struct EvaluatedBatch(int Batch, double LossSum, int Correct, int Samples);

/// <summary>
/// The training loop of one rank. A step is: for the logical shards of this rank, several at once
/// where the model can, assemble their samples and compute their gradient; add gradients along the
/// run's tree, here and over the ranks;
/// apply the optimizer to the sum. The result depends on the spec and the step alone, never on
/// which rank computed which shard.
/// </summary>
/// <remarks>Used by one thread. Owns its unmanaged buffers; steps allocate nothing.</remarks>
public sealed class TrainingSession : IDisposable
{
    /// <summary>Samples of an evaluation batch: fixed, so that its bits are.</summary>
    public const int TestBatchSamples = 200;

    private const ulong DropoutPurpose = 0x64726F706F7574; // "dropout"
    private const int StopVoteSlot = 2;
    private const int YieldVoteSlot = 3;
    private const int SaveVoteSlot = 4;

    private readonly RunSpec _spec;
    private readonly DatasetPair _data;
    private readonly BatchPlan _batches;
    private readonly BatchAssembler _trainAssembler;
    private readonly BatchAssembler _testAssembler;
    private readonly TestTimeViews _views;
    private readonly float[] _images;
    private readonly int[] _labels;
    private readonly ModelShard[] _shards;
    private readonly float[] _logits;
    private readonly Action<int> _onBucket;
    private readonly List<NativeBuffer> _gradients = [];
    private RankPlace? _place;
    private ShardWork? _work;
    private long _gradientStep;

    /// <param name="spec">Checked; its network fits the data.</param>
    /// <param name="network">The spec's model for the data's shape and classes.</param>
    /// <param name="data">Already limited to the samples that the spec uses; not owned.</param>
    public TrainingSession(RunSpec spec, Network network, DatasetPair data)
    {
        _spec = spec;
        _data = data;
        _batches = new BatchPlan(
            data.Train.Count, spec.GlobalBatch, spec.LogicalShards, spec.Seed);
        _trainAssembler = new BatchAssembler(data.Train, data.Mean, data.StandardDeviation);
        _testAssembler = new BatchAssembler(data.Test, data.Mean, data.StandardDeviation);
        State = new ModelState(network, spec, data, StepsPerEpoch);
        _views = new TestTimeViews(State.Model, spec.TestTimeAugmentation);
        _shards = new ModelShard[Math.Min(State.Model.ShardsMax, spec.LogicalShards)];
        int samplesMax = Math.Max(_batches.ShardSamplesMax * _shards.Length, TestBatchSamples);
        _images = GC.AllocateArray<float>(samplesMax * data.Shape.Length, pinned: true);
        _labels = new int[samplesMax];
        _logits = new float[TestBatchSamples * data.ClassCount];
        _onBucket = OnBucketReady;
    }

    public ModelState State { get; }

    /// <summary>How gradients travel as frames. Behind the parameters come statistics, the loss,
    /// and counts that must stay exact.</summary>
    public FrameReducer Frames => new(
        _spec.Compression == CompressionKind.Bf16 ? State.Model.ParameterLength : 0);

    public long StepsPerEpoch => _batches.StepsPerEpoch;

    /// <summary>How gradients are grouped on their way; null where they have none.</summary>
    public BucketGrouping? Grouping => _place?.AllReduce?.Grouping;

    /// <summary>The last step's collectives; none where the rank is alone. Allocates.</summary>
    public IReadOnlyList<ReductionTiming> Reductions() => _place?.AllReduce?.Timings() ?? [];

    /// <summary>
    /// Takes a place among the ranks of a generation, until the next call of this or of
    /// <see cref="Leave"/>.
    /// </summary>
    /// <param name="plan">The generation's reduction.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="transport">Connects the ranks, and is owned here from now on; null where there
    /// is one rank.</param>
    /// <param name="resident">
    /// Gradients of the model's length that all ranks have mapped, owned
    /// here likewise; null where they go through the transport.
    /// </param>
    public void Join(
        ReductionPlan plan, int rank, CollectiveScope scope, ITransport? transport,
        IResidentBuffers? resident = null)
    {
        Leave();
        int needed = RankPlace.BuffersNeeded(
            plan.Grouped(rank, State.Model.ShardsMax), resident);
        while (_gradients.Count < needed)
            _gradients.Add(new NativeBuffer(State.Model.GradientLength * sizeof(float)));
        _place = new RankPlace(
            plan, rank, State.Model, _gradients, scope, Frames, transport, resident);
        _gradientStep = 0;
    }

    /// <summary>Cancels the place's transport and gives the place up.</summary>
    public void Leave()
    {
        _place?.Dispose();
        _place = null;
    }

    /// <summary>
    /// Runs step <paramref name="step"/>, counted from 1, and commits it; what throws before the
    /// optimizer is applied leaves the state as it was.
    /// </summary>
    /// <exception cref="OperatingException">The loss of a shard is not a number.</exception>
    /// <exception cref="LossDivergedException">The loss of another rank's shard is not a
    /// number.</exception>
    public StepResult Step(
        long step, bool voteToStop = false, bool voteToYield = false, bool voteToSave = false)
    {
        Invariant.Check(_place is not null, "a session joins before it steps");
        Invariant.Check(step == State.Step + 1, "steps are run in order");
        long started = Stopwatch.GetTimestamp();
        (_, _, int samples) = _batches.Locate(step - 1);
        _place.AllReduce?.BeginStep(step);
        IReadOnlyList<ShardWork> shards = _place.Local.Shards;
        // Here and below an enumerator over an interface would be allocated at every step.
        for (int shard = 0; shard < shards.Count; shard++)
        {
            ComputeShards(
                step, shards[shard], samples, voteToStop, voteToYield, voteToSave);
        }

        long computed = Stopwatch.GetTimestamp();
        _place.AllReduce?.Complete();
        long reduced = Stopwatch.GetTimestamp();

        NativeBuffer sum = _place.Buffers[_place.Local.NodeBuffers[0]];
        ReadOnlySpan<float> trailer = Trailer(sum);
        if (!float.IsFinite(trailer[0]))
        {
            throw new LossDivergedException(
                $"the loss at step {step} is {trailer[0]}: expected a finite number; lower the "
                + "learning rate (--lr) or check the data");
        }

        double learningRate = _spec.LearningRate(step - 1, StepsPerEpoch);
        StateCounters before = State.Counters;
        bool isEpochStart = (step - 1) % StepsPerEpoch == 0;
        State.Apply(
            learningRate,
            new StateCounters(
                step, (isEpochStart ? 0 : before.EpochLossSum) + ((double)trailer[0] * samples),
                (isEpochStart ? 0 : before.EpochCorrect) + (long)trailer[1]),
            sum);
        _gradientStep = step;
        long ended = Stopwatch.GetTimestamp();
        return new StepResult(
            trailer[0], (int)trailer[1], samples, learningRate, Milliseconds(started, computed),
            _place.AllReduce?.CommunicationTime.TotalMilliseconds ?? 0,
            Milliseconds(computed, reduced), Milliseconds(started, ended),
            (int)trailer[StopVoteSlot], (int)trailer[YieldVoteSlot],
            (int)trailer[SaveVoteSlot]);
    }

    /// <summary>Mean loss and accuracy over the samples trained on since the epoch began.</summary>
    public (double Loss, double Accuracy) EpochSoFar()
    {
        (long _, long position, int count) = _batches.Locate(State.Step - 1);
        double samples = position + count;
        return (State.Counters.EpochLossSum / samples, State.Counters.EpochCorrect / samples);
    }

    /// <summary>
    /// Copies the gradients that the last step applied, laid out as the parameters are. False where
    /// this place has run no step.
    /// </summary>
    public bool TryCopyGradients(Span<float> destination)
    {
        if (_place is null || _gradientStep == 0 || _gradientStep != State.Step)
            return false;
        _place.Buffers[_place.Local.NodeBuffers[0]].AsSpan<float>()[..destination.Length]
            .CopyTo(destination);
        return true;
    }

    /// <summary>How many samples of the test set are this rank's to evaluate.</summary>
    public int TestShareSamples
    {
        get
        {
            Invariant.Check(_place is not null, "a session joins before it evaluates");
            (int first, int end) = _place.TestShare(
                _place.Rank, TestBatchCount(_data.Test.Count));
            return Math.Min(end * TestBatchSamples, _data.Test.Count)
                - Math.Min(first * TestBatchSamples, _data.Test.Count);
        }
    }

    /// <summary>
    /// Evaluates this rank's share of the test set and returns all of it, the same on every rank.
    /// </summary>
    /// <param name="observe">Is shown this rank's share.</param>
    public EvaluatedBatch[] Evaluate(TestObserver? observe = null)
    {
        Invariant.Check(_place is not null, "a session joins before it evaluates");
        int batches = TestBatchCount(_data.Test.Count);
        (int first, int end) = _place.TestShare(_place.Rank, batches);
        return _place.Gather(State.Step, batches, Evaluate(first, end, observe));
    }

    /// <summary>Evaluates the test batches from first up to, not including, end.</summary>
    internal EvaluatedBatch[] Evaluate(int first, int end, TestObserver? observe = null)
    {
        var results = new EvaluatedBatch[end - first];
        for (int batch = first; batch < end; batch++)
        {
            int start = batch * TestBatchSamples;
            int count = Math.Min(TestBatchSamples, _data.Test.Count - start);
            EvaluationResult result = _views.Evaluate(
                _testAssembler, start, _images.AsSpan(0, count * _data.Shape.Length),
                _labels.AsSpan(0, count), _logits.AsSpan(0, count * _data.ClassCount));
            results[batch - first] = new(batch, result.LossSum, result.Correct, count);
            observe?.Invoke(
                start, _labels.AsSpan(0, count), _logits.AsSpan(0, count * _data.ClassCount));
        }

        return results;
    }

    public static int TestBatchCount(int testSamples) =>
        (testSamples + TestBatchSamples - 1) / TestBatchSamples;

    public void Dispose()
    {
        Leave();
        foreach (NativeBuffer gradient in _gradients)
            gradient.Dispose();
        State.Dispose();
    }

    /// <summary>
    /// A partial last batch may leave a shard without samples: it adds nothing to the sum.
    /// </summary>
    private void ComputeShards(
        long step, ShardWork work, int batchSamples, bool voteToStop, bool voteToYield,
        bool voteToSave)
    {
        _work = work;
        NativeBuffer gradient = _place!.Buffers[work.Buffer];
        int imageLength = _data.Shape.Length;
        int samples = 0;
        for (int index = 0; index < work.Count; index++)
        {
            int shard = work.Shard + index;
            int count = _trainAssembler.Shard(
                _batches, _spec.Augmentation, _spec.Seed, step - 1, shard,
                _images.AsSpan(samples * imageLength), _labels.AsSpan(samples));
            ulong dropoutSeed = CounterRandom.Key(
                _spec.Seed, DropoutPurpose, (ulong)step, (ulong)shard);
            _shards[index] = new ModelShard(count, dropoutSeed, (double)count / batchSamples);
            samples += count;
        }

        bool carriesVotes = work.End - 1 == _place.LastShard;
        Vote(
            gradient, carriesVotes && voteToStop, carriesVotes && voteToYield,
            carriesVotes && voteToSave);
        Span<ModelShard> shards = _shards.AsSpan(0, work.Count);
        State.Model.ForwardBackward(
            _images.AsSpan(0, samples * imageLength), _labels.AsSpan(0, samples), shards,
            1.0 / batchSamples, gradient, _onBucket);
        for (int index = 0; index < shards.Length; index++)
        {
            if (!double.IsFinite(shards[index].LossSum))
            {
                throw new OperatingException(
                    $"the loss of logical shard {work.Shard + index} at step {step} is "
                    + $"{shards[index].LossSum}: expected a finite number; lower the learning "
                    + "rate (--lr) or check the data",
                    ExitCodes.NumericsDiverged);
            }
        }
    }

    /// <summary>
    /// Runs inside backward, bucket by bucket: adds what the tree allows, then sends.
    /// </summary>
    private void OnBucketReady(int bucket)
    {
        RankPlace place = _place!;
        GradientBucket extent = State.Model.Buckets[bucket];
        int offset = checked((int)extent.Offset);
        int length = checked((int)extent.Length);
        IReadOnlyList<VectorAdd> adds = _work!.Adds;
        for (int index = 0; index < adds.Count; index++)
        {
            VectorAdd add = adds[index];
            Span<float> target = place.Buffers[add.Target].AsSpan<float>().Slice(offset, length);
            Span<float> source = place.Buffers[add.Source].AsSpan<float>().Slice(offset, length);
            TensorPrimitives.Add(target, source, target);
        }

        if (_work.End - 1 == place.LastShard)
            place.AllReduce?.BucketReady(bucket);
    }

    /// <summary>
    /// Votes travel with the gradients, so that all ranks learn of them after the same step. One
    /// shard of the rank carries them.
    /// </summary>
    private void Vote(
        NativeBuffer gradient, bool voteToStop, bool voteToYield, bool voteToSave)
    {
        Span<float> trailer = Trailer(gradient);
        trailer[StopVoteSlot..].Clear();
        trailer[StopVoteSlot] = voteToStop ? 1 : 0;
        trailer[YieldVoteSlot] = voteToYield ? 1 : 0;
        trailer[SaveVoteSlot] = voteToSave ? 1 : 0;
    }

    private Span<float> Trailer(NativeBuffer gradient)
    {
        int length = checked((int)State.Model.GradientLength);
        return gradient.AsSpan<float>()[(length - TorchModel.TrailerLength)..length];
    }

    private static double Milliseconds(long from, long to) =>
        Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;
}
