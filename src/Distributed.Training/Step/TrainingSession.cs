using System.Diagnostics;
using System.Numerics.Tensors;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
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
/// where the engine can, compute their gradient; add gradients along the run's tree, here and over
/// the ranks; apply the optimizer to the sum. An engine may do all of that by itself for a rank
/// that has all shards. The result depends on the spec and the step alone, never on which rank
/// computed which shard.
/// </summary>
/// <remarks>Used by one thread. Owns its unmanaged buffers; steps allocate nothing.</remarks>
public sealed class TrainingSession : IDisposable
{
    /// <summary>Samples of an evaluation batch: fixed, so that its bits are.</summary>
    public const int TestBatchSamples = 200;

    private const ulong DropoutPurpose = 0x64726F706F7574; // "dropout"

    /// <summary>Of the trailer, which begins with the loss and the right answers.</summary>
    private const int VotesStart = TorchModel.TrailerLength - DeviceTrainer.VotesLength;
    private const int StopVoteSlot = 2;
    private const int YieldVoteSlot = 3;
    private const int SaveVoteSlot = 4;

    private readonly RunSpec _spec;
    private readonly DatasetPair _data;
    private readonly BatchPlan _batches;
    private readonly int[] _labels = new int[TestBatchSamples];
    private readonly float[] _logits;
    private readonly ModelShard[] _shards;
    private readonly float[] _votes = new float[DeviceTrainer.VotesLength];
    private readonly float[] _noVotes = new float[DeviceTrainer.VotesLength];
    private readonly float[] _ownTrailer = new float[TorchModel.TrailerLength];
    private readonly Action<int> _onBucket;
    private readonly List<NativeBuffer> _gradients = [];
    private readonly List<IDisposable?> _pins = [];
    private RankPlace? _place;
    private ShardWork? _work;
    private long _gradientStep;

    /// <param name="spec">Checked; its network fits the data.</param>
    /// <param name="network">The spec's model for the data's shape and classes.</param>
    /// <param name="data">Already limited to the samples that the spec uses; not owned.</param>
    /// <param name="trainer">Where steps are computed; null: as <see cref="TrainerDecision"/> says
    /// for the spec and the process's device.</param>
    public TrainingSession(
        RunSpec spec, Network network, DatasetPair data, TrainerKind? trainer = null)
    {
        _spec = spec;
        _data = data;
        _batches = new BatchPlan(
            data.Train.Count, spec.GlobalBatch, spec.LogicalShards, spec.Seed);
        trainer ??= TrainerDecision.Of(spec.Precision, TorchLibrary.Device ?? "cpu").Kind;
        Engine = trainer == TrainerKind.Device
            ? new DeviceEngine(spec, network, data, _batches)
            : new HostEngine(spec, network, data, _batches);
        State = new ModelState(network, spec, data, Engine, StepsPerEpoch);
        _shards = new ModelShard[Math.Min(Engine.Layout.ShardsMax, spec.LogicalShards)];
        _logits = new float[TestBatchSamples * data.ClassCount];
        _onBucket = OnBucketReady;
    }

    internal IStepEngine Engine { get; }

    public ModelState State { get; }

    /// <summary>How gradients travel as frames. Behind the parameters come statistics, the loss,
    /// and counts that must stay exact.</summary>
    public FrameReducer Frames => new(
        _spec.Compression == CompressionKind.Bf16 ? State.Model.ParameterLength : 0);

    public long StepsPerEpoch => _batches.StepsPerEpoch;

    /// <summary>Whether gradients can stay on the device that computes them.</summary>
    public bool CanReduceOnDevice => Engine is IDeviceGradients;

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
    /// <param name="onDevice">Sums gradients that stay on the device, owned here likewise; only
    /// where <see cref="CanReduceOnDevice"/>.</param>
    public void Join(
        ReductionPlan plan, int rank, CollectiveScope scope, ITransport? transport,
        IResidentBuffers? resident = null, IDeviceReducer? onDevice = null)
    {
        Leave();
        int needed = onDevice is not null
            ? 0
            : RankPlace.BuffersNeeded(plan.Grouped(rank, Engine.Layout.ShardsMax), resident);
        while (_gradients.Count < needed)
        {
            _gradients.Add(new NativeBuffer(Engine.Layout.GradientLength * sizeof(float)));
            _pins.Add(Engine.Pin(_gradients[^1]));
        }

        _place = new RankPlace(
            plan, rank, Engine, _gradients, scope, Frames, transport, resident, onDevice);
        _gradientStep = 0;
    }

    /// <summary>
    /// Cancels the place's transport and gives the place up. From then on others may copy the state
    /// wherever it is kept.
    /// </summary>
    public void Leave()
    {
        try
        {
            // Waits for a device, which may still read gradients that others have mapped.
            State.Refresh();
        }
        finally
        {
            GiveUpPlace();
        }
    }

    /// <summary>
    /// Runs step <paramref name="step"/>, counted from 1, and commits it; what throws before the
    /// optimizer is applied leaves the state as it was, but for a device that works by itself,
    /// where it is then of no step.
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
        double learningRate = _spec.LearningRate(step - 1, StepsPerEpoch);
        StateCounters before = State.Counters;
        Vote(voteToStop, voteToYield, voteToSave);
        _place.AllReduce?.BeginStep(step);
        IReadOnlyList<ShardWork> shards = _place.Local.Shards;
        // Here and below an enumerator over an interface would be allocated at every step.
        for (int shard = 0; shard < shards.Count; shard++)
            ComputeShards(step, shards[shard], samples, learningRate);

        long computed = Stopwatch.GetTimestamp();
        _place.AllReduce?.Complete();
        long reduced = Stopwatch.GetTimestamp();

        ReadOnlySpan<float> trailer = TrailerOfSum();
        if (!float.IsFinite(trailer[0]))
        {
            throw new LossDivergedException(
                $"the loss at step {step} is {trailer[0]}: expected a finite number; lower the "
                + "learning rate (--lr) or check the data");
        }

        bool isEpochStart = (step - 1) % StepsPerEpoch == 0;
        var after = new StateCounters(
            step, (isEpochStart ? 0 : before.EpochLossSum) + ((double)trailer[0] * samples),
            (isEpochStart ? 0 : before.EpochCorrect) + (long)trailer[1]);
        Commit(learningRate, after);
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
        if (WorksByItself || _place.OnDevice is not null)
            Engine.CopyGradients(destination);
        else
            Sum.AsSpan<float>()[..destination.Length].CopyTo(destination);
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
            EvaluationResult result = Engine.Evaluate(
                start, _labels.AsSpan(0, count), _logits.AsSpan(0, count * _data.ClassCount));
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
        // What sums on the device uses the engine's memory, and the engine the place's.
        if (_place?.OnDevice is not null)
            GiveUpPlace();
        Engine.Dispose();
        GiveUpPlace();
        _pins.ForEach(pin => pin?.Dispose());
        _gradients.ForEach(gradient => gradient.Dispose());
        State.Dispose();
    }

    /// <summary>
    /// Whether the engine carries steps out whole: they are of one piece, and none is elsewhere.
    /// </summary>
    private bool WorksByItself => !Engine.IsOnHost && _place!.AllReduce is null
        && _place.Local.Shards.Count == 1;

    /// <summary>Of all ranks' gradients, once they are reduced.</summary>
    private NativeBuffer Sum => _place!.Buffers[_place.SumBuffer];

    private ReadOnlySpan<float> TrailerOfSum()
    {
        if (_place!.OnDevice is { } device)
            device.ReadTrailer(_place.SumBuffer, _ownTrailer);
        else if (!WorksByItself)
            return Trailer(Sum);
        return _ownTrailer;
    }

    private void Commit(double learningRate, StateCounters after)
    {
        if (_place!.OnDevice is { } device)
        {
            State.BeginChange();
            device.ApplyResident(after.Step, learningRate, _place.SumBuffer);
            State.EndChange(after);
        }
        else if (WorksByItself)
            State.EndChange(after);
        else
            State.Apply(learningRate, after, Sum);
    }

    private void GiveUpPlace()
    {
        _place?.Dispose();
        _place = null;
    }

    /// <summary>
    /// A partial last batch may leave a shard without samples: it adds nothing to the sum.
    /// </summary>
    private void ComputeShards(
        long step, ShardWork work, int batchSamples, double learningRate)
    {
        _work = work;
        Span<ModelShard> shards = _shards.AsSpan(0, work.Count);
        for (int index = 0; index < shards.Length; index++)
        {
            int shard = work.Shard + index;
            (_, int count) = _batches.ShardRange(step - 1, shard);
            ulong dropoutSeed = CounterRandom.Key(
                _spec.Seed, DropoutPurpose, (ulong)step, (ulong)shard);
            shards[index] = new ModelShard(count, dropoutSeed, (double)count / batchSamples);
        }

        // One shard of the rank carries its votes.
        float[] votes = work.End - 1 == _place!.LastShard ? _votes : _noVotes;
        double lossScale = 1.0 / batchSamples;
        if (WorksByItself)
        {
            State.BeginChange();
            Engine.ComputeAndApply(step, shards, lossScale, votes, learningRate, _ownTrailer);
        }
        else if (_place.OnDevice is { } device)
        {
            device.ComputeResident(step, work, shards, lossScale, votes, _onBucket);
        }
        else
        {
            Engine.Compute(
                step, work.Shard, shards, lossScale, votes, _place.Buffers[work.Buffer],
                _onBucket);
        }

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
        GradientBucket extent = Engine.Layout.Buckets[bucket];
        int offset = checked((int)extent.Offset);
        int length = checked((int)extent.Length);
        IReadOnlyList<VectorAdd> adds = _work!.Adds;
        // On a device they are done there.
        for (int index = 0; index < adds.Count && place.OnDevice is null; index++)
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
    /// Votes travel with the gradients, so that all ranks learn of them after the same step.
    /// </summary>
    private void Vote(bool toStop, bool toYield, bool toSave)
    {
        _votes[StopVoteSlot - VotesStart] = toStop ? 1 : 0;
        _votes[YieldVoteSlot - VotesStart] = toYield ? 1 : 0;
        _votes[SaveVoteSlot - VotesStart] = toSave ? 1 : 0;
    }

    private Span<float> Trailer(NativeBuffer gradient)
    {
        int length = checked((int)Engine.Layout.GradientLength);
        return gradient.AsSpan<float>()[(length - TorchModel.TrailerLength)..length];
    }

    private static double Milliseconds(long from, long to) =>
        Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;
}
