using System.Runtime.CompilerServices;
using Distributed.Kernel;

namespace Distributed.Torch;

/// <summary>
/// A network that lives on the process's device with its data, its optimizer and all that a step
/// changes: the host says which samples and reads results. The device may be the CPU, where the
/// same code runs without capture. One thread at a time uses a trainer; no call but
/// <see cref="Create"/> and <see cref="SetOptimizer"/> allocates managed memory.
/// </summary>
/// <remarks>
/// A shard's gradient depends on its samples, its seed and the parameters alone; with
/// <see cref="TrainerSettings.IsExact"/>, and on the same kind of device, its bits do not
/// depend on anything else either.
/// </remarks>
public sealed unsafe class DeviceTrainer : IDisposable
{
    /// <summary>Elements of the trailer that are the caller's own.</summary>
    public const int VotesLength = TorchModel.TrailerLength - 2;

    private readonly TrainerHandle _handle;
    private readonly BucketCallback _callback = new();

    private DeviceTrainer(TrainerHandle handle, string text, TrainerSettings settings)
    {
        _handle = handle;
        Layout = ModelLayout.Parse(text);
        Type = settings.Precision == TrainerPrecision.Double
            ? ElementType.Float64
            : ElementType.Float32;
        const string capture = "capture ";
        Capture = text.Split('\n')
            .First(line => line.StartsWith(capture, StringComparison.Ordinal))[capture.Length..];
    }

    /// <summary>
    /// What lies where in the flat buffers, and how many shards one call takes.
    /// </summary>
    public ModelLayout Layout { get; }

    /// <summary>Of parameters, gradients, statistics and optimizer state.</summary>
    public ElementType Type { get; }

    /// <summary>"yes", or "no" and the reason: whether steps are replayed.</summary>
    public string Capture { get; }

    /// <exception cref="TorchException">The text is not a network whose shapes fit, or the device
    /// has no room for it.</exception>
    public static DeviceTrainer Create(string network, TrainerSettings settings)
    {
        TorchLibrary.RequireInitialized();
        var native = new NativeMethods.NativeTrainerSettings
        {
            Precision = (int)settings.Precision,
            Exact = settings.IsExact ? 1 : 0,
            Capture = settings.Captures ? 1 : 0,
            ShardsMax = settings.ShardsMax,
            ShardSamplesMax = settings.ShardSamplesMax,
            BucketBytes = settings.BucketBytes,
        };
        NativeMethods.Check(NativeMethods.TrainerCreate(network, native, out var handle));
        try
        {
            var text = NativeMethods.ReadText((byte* start, long capacity, out long needed) =>
                NativeMethods.TrainerDescribe(handle, start, capacity, out needed));
            return new DeviceTrainer(handle, text, settings);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Copies a set to the device; it replaces what that set held.</summary>
    /// <param name="set">Which one.</param>
    /// <param name="images">The first byte of the first image; they follow one another as
    /// N,C,H,W, one for each label.</param>
    /// <param name="labels">Also say how many samples there are.</param>
    /// <param name="values">256 for each channel: what its bytes become. Padding becomes a
    /// channel's first value.</param>
    public void Load(
        SampleSet set, ref readonly byte images, ReadOnlySpan<int> labels,
        ReadOnlySpan<float> values)
    {
        fixed (byte* image = &images)
        fixed (int* label = labels)
        fixed (float* value = values)
        {
            NativeMethods.Check(NativeMethods.TrainerLoad(
                _handle, (int)set, image, label, labels.Length, value));
        }
    }

    /// <summary>Comes before the first step.</summary>
    /// <param name="stretches">All parameters that are trained, in order.</param>
    /// <param name="stateCount">Buffers as long as the parameters: SGD's momentum or Adam's two
    /// moments, then lookahead's slow copy. They begin as zeros.</param>
    /// <param name="hasLookahead">Whether the last of them is a slow copy.</param>
    public void SetOptimizer(
        IReadOnlyList<TrainerStretch> stretches, int stateCount, bool hasLookahead)
    {
        var native = new NativeMethods.NativeStretch[stretches.Count];
        for (int index = 0; index < native.Length; index++)
        {
            var stretch = stretches[index];
            native[index] = new NativeMethods.NativeStretch
            {
                Offset = stretch.Offset,
                Length = stretch.Length,
                Rows = stretch.Rows,
                LastStep = stretch.LastStep,
                RateFactor = stretch.RateFactor,
                NewtonSchulzSteps = stretch.Settings.NewtonSchulzSteps,
                Settings = TorchOptimizer.NativeSettings(stretch.Settings),
            };
        }
        fixed (NativeMethods.NativeStretch* first = native)
        {
            NativeMethods.Check(NativeMethods.TrainerSetOptimizer(
                _handle, first, native.Length, stateCount, hasLookahead ? 1 : 0));
        }
    }

    /// <summary>
    /// As <see cref="TorchModel.ForwardBackward(ReadOnlySpan{float}, ReadOnlySpan{int},
    /// Span{ModelShard}, double, NativeBuffer, Action{int})"/>, for samples of the training set:
    /// each bucket is copied to the host while backward goes on.
    /// </summary>
    /// <param name="samples">Shard after shard.</param>
    /// <param name="shards">A power of two of them; receive their results.</param>
    /// <param name="lossScale">Scales each sample's loss.</param>
    /// <param name="votes">The caller's elements of the trailer.</param>
    /// <param name="gradients">Written in whole; fastest if it is pinned.</param>
    /// <param name="bucketReady">Is given each bucket, in order, once it is in place; what it
    /// throws comes out of here.</param>
    public void Compute(
        ReadOnlySpan<TrainerSample> samples, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, NativeBuffer gradients, Action<int>? bucketReady)
    {
        RequireSamples(samples, shards);
        RequireVotes(votes);
        RequireGradients(gradients);
        _callback.Begin(bucketReady);
        try
        {
            fixed (TrainerSample* sample = samples)
            fixed (ModelShard* shard = shards)
            fixed (float* vote = votes)
            {
                NativeMethods.Check(NativeMethods.TrainerCompute(
                    _handle, Native(sample), shard, shards.Length, lossScale, vote, gradients,
                    _callback.Function, _callback.Context));
                _callback.Rethrow();
            }
        }
        finally
        {
            _callback.End();
        }
    }

    /// <summary>
    /// Changes parameters, optimizer state and running statistics by the sum of all ranks'
    /// gradients. Does not wait for the device: the buffer may be written or freed once the next
    /// call has returned.
    /// </summary>
    public void Update(NativeBuffer gradients, in TrainerUpdate update)
    {
        RequireGradients(gradients);
        NativeMethods.Check(NativeMethods.TrainerUpdate(_handle, gradients, Native(update)));
    }

    /// <summary>
    /// As <see cref="Compute"/>, for gradients that stay on the device, in node buffers that are
    /// numbered from 0 and made when first named.
    /// </summary>
    /// <param name="samples">Shard after shard.</param>
    /// <param name="shards">A power of two of them; receive their results.</param>
    /// <param name="lossScale">Scales each sample's loss.</param>
    /// <param name="votes">The caller's elements of the trailer.</param>
    /// <param name="buffer">Receives the shards' sum.</param>
    /// <param name="adds">Over node buffers; done for each bucket, in order, before it counts as
    /// ready.</param>
    /// <param name="bucketReady">As <see cref="Compute"/> has it.</param>
    public void ComputeResident(
        ReadOnlySpan<TrainerSample> samples, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, int buffer, ReadOnlySpan<SlotAddition> adds,
        Action<int>? bucketReady)
    {
        RequireSamples(samples, shards);
        RequireVotes(votes);
        _callback.Begin(bucketReady);
        try
        {
            fixed (TrainerSample* sample = samples)
            fixed (ModelShard* shard = shards)
            fixed (float* vote = votes)
            fixed (SlotAddition* add = adds)
            {
                NativeMethods.Check(NativeMethods.TrainerComputeResident(
                    _handle, Native(sample), shard, shards.Length, lossScale, vote, buffer, add,
                    adds.Length, _callback.Function, _callback.Context));
                _callback.Rethrow();
            }
        }
        finally
        {
            _callback.End();
        }
    }

    /// <summary>Where a node buffer lies on the device, for as long as this lives.</summary>
    public nint NodeAddress(int buffer)
    {
        NativeMethods.Check(NativeMethods.TrainerNode(_handle, buffer, out var values));
        return values;
    }

    /// <summary>Copies a node buffer's trailer, which is complete.</summary>
    public void ReadTrailer(int buffer, Span<float> trailer)
    {
        Invariant.Check(
            trailer.Length == TorchModel.TrailerLength && Type == ElementType.Float32,
            "room for a trailer of float32");
        fixed (float* start = trailer)
            NativeMethods.Check(NativeMethods.TrainerReadTrailer(_handle, buffer, start));
    }

    /// <summary>As <see cref="Update"/>, by the sum in a node buffer.</summary>
    public void UpdateResident(int buffer, in TrainerUpdate update) => NativeMethods.Check(
        NativeMethods.TrainerUpdateResident(_handle, buffer, Native(update)));

    /// <summary>
    /// <see cref="Compute"/> and <see cref="Update"/> in one, to the same bits, for a rank that is
    /// alone: nothing leaves the device but the trailer. What throws, and a loss in the trailer
    /// that is not finite, has spoilt the state.
    /// </summary>
    public void Step(
        ReadOnlySpan<TrainerSample> samples, Span<ModelShard> shards, double lossScale,
        ReadOnlySpan<float> votes, in TrainerUpdate update, Span<float> trailer)
    {
        RequireSamples(samples, shards);
        RequireVotes(votes);
        Invariant.Check(
            trailer.Length == TorchModel.TrailerLength && Type == ElementType.Float32,
            "room for a trailer of float32");
        fixed (TrainerSample* sample = samples)
        fixed (ModelShard* shard = shards)
        fixed (float* vote = votes)
        fixed (float* end = trailer)
        {
            NativeMethods.Check(NativeMethods.TrainerStep(
                _handle, Native(sample), shard, shards.Length, lossScale, vote, Native(update),
                end));
        }
    }

    /// <summary>
    /// Runs the network in inference mode over samples of a set, and compares with the set's
    /// labels.
    /// </summary>
    /// <param name="set">Which one.</param>
    /// <param name="samples">As many as one call takes, or fewer.</param>
    /// <param name="logits">Receives N × classes numbers, or is empty.</param>
    public EvaluationResult Evaluate(
        SampleSet set, ReadOnlySpan<TrainerSample> samples, Span<float> logits)
    {
        if (!logits.IsEmpty && logits.Length != samples.Length * Layout.Classes)
        {
            throw new ArgumentException(
                $"room for {logits.Length} logits of {samples.Length * Layout.Classes}");
        }
        fixed (TrainerSample* sample = samples)
        fixed (float* logit = logits)
        {
            NativeMethods.Check(NativeMethods.TrainerEvaluate(
                _handle, (int)set, Native(sample), samples.Length, logit, out var lossSum,
                out var correct));
            return new EvaluationResult(lossSum, (int)correct);
        }
    }

    /// <summary>Copies all parameters to the host; waits for what was begun.</summary>
    public void ReadParameters(NativeBuffer buffer) =>
        Read(ParametersPart, buffer, Layout.ParameterLength);

    /// <summary>The same for the running statistics.</summary>
    public void ReadStatistics(NativeBuffer buffer) =>
        Read(StatisticsPart, buffer, Layout.StatisticsLength);

    /// <summary>The same for one of the optimizer's buffers.</summary>
    public void ReadOptimizer(int index, NativeBuffer buffer) =>
        Read(OptimizerPart + index, buffer, Layout.ParameterLength);

    /// <summary>
    /// The same for the sum that was applied last: gradients, statistics and trailer.
    /// </summary>
    public void ReadGradients(NativeBuffer buffer) =>
        Read(GradientsPart, buffer, Layout.GradientLength);

    /// <summary>Replaces all parameters by the host's.</summary>
    public void WriteParameters(NativeBuffer buffer) =>
        Write(ParametersPart, buffer, Layout.ParameterLength);

    /// <summary>The same for the running statistics.</summary>
    public void WriteStatistics(NativeBuffer buffer) =>
        Write(StatisticsPart, buffer, Layout.StatisticsLength);

    /// <summary>The same for one of the optimizer's buffers.</summary>
    public void WriteOptimizer(int index, NativeBuffer buffer) =>
        Write(OptimizerPart + index, buffer, Layout.ParameterLength);

    public void Dispose()
    {
        _handle.Dispose();
        _callback.Dispose();
    }

    private const int GradientsPart = -1;
    private const int ParametersPart = 0;
    private const int StatisticsPart = 1;
    private const int OptimizerPart = 2;

    private void Read(int part, NativeBuffer buffer, long length)
    {
        RequireLength(buffer, length);
        NativeMethods.Check(NativeMethods.TrainerRead(_handle, part, buffer.Pointer, length));
    }

    private void Write(int part, NativeBuffer buffer, long length)
    {
        RequireLength(buffer, length);
        NativeMethods.Check(NativeMethods.TrainerWrite(_handle, part, buffer.Pointer, length));
    }

    private static NativeMethods.NativeSample* Native(TrainerSample* samples)
    {
        Invariant.Check(
            Unsafe.SizeOf<NativeMethods.NativeSample>() == sizeof(TrainerSample),
            "samples are as native code has them");
        return (NativeMethods.NativeSample*)samples;
    }

    private static NativeMethods.NativeUpdate Native(in TrainerUpdate update) => new()
    {
        LearningRate = update.LearningRate,
        Step = update.Step,
        LookaheadShare = update.LookaheadShare,
        TakeSlow = update.TakesSlow ? 1 : 0,
    };

    private static void RequireSamples(
        ReadOnlySpan<TrainerSample> samples, ReadOnlySpan<ModelShard> shards)
    {
        long count = 0;
        foreach (var shard in shards)
            count += shard.Count;
        if (count != samples.Length)
            throw new ArgumentException($"{samples.Length} samples for shards of {count}");
    }

    private static void RequireVotes(ReadOnlySpan<float> votes)
    {
        if (votes.Length != VotesLength)
            throw new ArgumentException($"{votes.Length} votes: expected {VotesLength}");
    }

    private void RequireGradients(NativeBuffer gradients) =>
        RequireLength(gradients, Layout.GradientLength);

    private void RequireLength(NativeBuffer buffer, long length)
    {
        if (buffer.ByteLength < length * Type.ByteSize())
        {
            throw new ArgumentException(
                $"a buffer of {buffer.ByteLength} bytes; the trainer needs "
                + $"{length * Type.ByteSize()}");
        }
    }
}
