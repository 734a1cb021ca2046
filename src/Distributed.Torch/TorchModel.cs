namespace Distributed.Torch;

/// <summary>
/// A network over flat buffers. It computes the gradients of shards on the calling thread; one
/// model serves one thread at a time.
/// </summary>
public sealed unsafe class TorchModel : IDisposable
{
    /// <summary>
    /// Elements after the gradients and statistics that travel with them: [0] loss, [1] count of
    /// right answers, the rest the caller's own.
    /// </summary>
    public const int TrailerLength = 16;

    private readonly ModelHandle _handle;
    private readonly ModelLayout _layout;
    private readonly BucketCallback _callback = new();
    private NativeBuffer? _parameters;
    private NativeBuffer? _statistics;

    private TorchModel(ModelHandle handle, ModelLayout layout, ElementType type)
    {
        _handle = handle;
        _layout = layout;
        Type = type;
    }

    public ElementType Type { get; }

    /// <summary>What lies where in the flat buffers.</summary>
    public ModelLayout Layout => _layout;

    /// <summary>
    /// The tensors of the parameter buffer, which is laid out as the gradients are.
    /// </summary>
    public IReadOnlyList<TensorInfo> Parameters => _layout.Parameters;

    /// <summary>
    /// running_mean and running_var of each batch norm, in the statistics buffer.
    /// </summary>
    public IReadOnlyList<TensorInfo> Statistics => _layout.Statistics;

    public long ParameterLength => _layout.ParameterLength;

    public long StatisticsLength => _layout.StatisticsLength;

    /// <summary>Gradients, then statistics, then the trailer.</summary>
    public long GradientLength => _layout.GradientLength;

    /// <summary>
    /// In the order in which backward completes them: the first holds the last layers, the
    /// statistics and the trailer. Together they tile the gradient buffer.
    /// </summary>
    public IReadOnlyList<GradientBucket> Buckets => _layout.Buckets;

    public int Classes => _layout.Classes;

    /// <summary>The most shards that one call takes.</summary>
    public int ShardsMax => _layout.ShardsMax;

    /// <summary>Floats in one image: channels × height × width.</summary>
    public int ImageLength => _layout.ImageLength;

    /// <exception cref="TorchException">The text is not a network whose shapes fit.</exception>
    public static TorchModel Create(
        string network, ElementType type = ElementType.Float32, long bucketBytes = 1 << 20)
    {
        TorchLibrary.RequireInitialized();
        NativeMethods.Check(
            NativeMethods.ModelCreate(network, (int)type, bucketBytes, out var handle));
        try
        {
            var text = NativeMethods.ReadText((byte* start, long capacity, out long needed) =>
                NativeMethods.ModelDescribe(handle, start, capacity, out needed));
            return new TorchModel(handle, ModelLayout.Parse(text), type);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Lets forward read its parameters and running statistics from these buffers. The model holds
    /// them until it is bound to others or disposed.
    /// </summary>
    public void Bind(NativeBuffer parameters, NativeBuffer statistics)
    {
        var size = Type.ByteSize();
        NativeMethods.Check(NativeMethods.ModelBind(
            _handle, parameters, parameters.ByteLength / size, statistics,
            statistics.ByteLength / size));
        var held = false;
        parameters.DangerousAddRef(ref held);
        statistics.DangerousAddRef(ref held);
        ReleaseBuffers();
        (_parameters, _statistics) = (parameters, statistics);
    }

    /// <summary>
    /// Writes the shards' gradients, times <paramref name="lossScale"/>, their statistics, times
    /// the shard's weight, and the trailer's first two elements over what the buffer held. Each
    /// shard is computed as if it were alone; of several, which are a power of two, the sum along
    /// the balanced tree is written, so that it has the bits of calls of their own. Calls
    /// <paramref name="bucketReady"/> during backward as buckets become whole; what it throws
    /// comes out of here once backward has returned. Allocates nothing managed.
    /// </summary>
    /// <param name="images">N,C,H,W, one image a label; shard after shard.</param>
    /// <param name="labels">Of all shards.</param>
    /// <param name="shards">Receive their results.</param>
    /// <param name="lossScale">Scales each sample's loss.</param>
    /// <param name="gradients">Written in whole.</param>
    /// <param name="bucketReady">Is given the bucket.</param>
    public void ForwardBackward(
        ReadOnlySpan<float> images, ReadOnlySpan<int> labels, Span<ModelShard> shards,
        double lossScale, NativeBuffer gradients, Action<int>? bucketReady)
    {
        RequireImages(images, labels.Length);
        RequireGradients(gradients);
        long samples = 0;
        foreach (var shard in shards)
            samples += shard.Count;
        if (samples != labels.Length)
            throw new ArgumentException($"{labels.Length} labels for shards of {samples} samples");
        _callback.Begin(bucketReady);
        try
        {
            fixed (float* image = images)
            fixed (int* label = labels)
            fixed (ModelShard* shard = shards)
            {
                NativeMethods.Check(NativeMethods.ModelForwardBackward(
                    _handle, image, label, shard, shards.Length, lossScale, gradients,
                    _callback.Function, _callback.Context));
                _callback.Rethrow();
            }
        }
        finally
        {
            _callback.End();
        }
    }

    /// <summary>The same for one shard.</summary>
    public ShardResult ForwardBackward(
        ReadOnlySpan<float> images, ReadOnlySpan<int> labels, ulong dropoutSeed, double lossScale,
        double statisticsWeight, NativeBuffer gradients, Action<int>? bucketReady)
    {
        var shard = new ModelShard(labels.Length, dropoutSeed, statisticsWeight);
        ForwardBackward(
            images, labels, new Span<ModelShard>(ref shard), lossScale, gradients, bucketReady);
        return new ShardResult(shard.LossSum, (int)shard.Correct);
    }

    /// <summary>
    /// running = (1 - momentum) · running + momentum · the statistics part of the reduced
    /// gradients.
    /// </summary>
    public void UpdateStatistics(NativeBuffer reducedGradients)
    {
        RequireGradients(reducedGradients);
        NativeMethods.Check(NativeMethods.ModelUpdateStatistics(_handle, reducedGradients));
    }

    /// <summary>
    /// Runs the network in inference mode. <paramref name="logits"/> receives N × classes numbers,
    /// or is empty; <paramref name="labels"/> may be empty, and then the result is zeros.
    /// </summary>
    public EvaluationResult Evaluate(
        ReadOnlySpan<float> images, ReadOnlySpan<int> labels, Span<float> logits)
    {
        var count = images.Length / ImageLength;
        RequireImages(images, count);
        if (!labels.IsEmpty && labels.Length != count)
            throw new ArgumentException($"{labels.Length} labels for {count} images");
        if (!logits.IsEmpty && logits.Length != count * Classes)
            throw new ArgumentException($"room for {logits.Length} logits of {count * Classes}");
        fixed (float* image = images)
        fixed (int* label = labels)
        fixed (float* logit = logits)
        {
            NativeMethods.Check(NativeMethods.ModelEvaluate(
                _handle, image, label, count, logit, out var lossSum, out var correct));
            return new EvaluationResult(lossSum, (int)correct);
        }
    }

    /// <summary>
    /// What logits of any origin, N × classes of them, come to with these labels.
    /// </summary>
    public EvaluationResult LossOf(ReadOnlySpan<float> logits, ReadOnlySpan<int> labels)
    {
        if (logits.Length != labels.Length * Classes)
            throw new ArgumentException($"{logits.Length} logits for {labels.Length} labels");
        fixed (float* logit = logits)
        fixed (int* label = labels)
        {
            NativeMethods.Check(NativeMethods.ModelLoss(
                _handle, logit, label, labels.Length, out var lossSum, out var correct));
            return new EvaluationResult(lossSum, (int)correct);
        }
    }

    public void Dispose()
    {
        if (_handle.IsClosed)
            return;
        _handle.Dispose();
        ReleaseBuffers();
        _callback.Dispose();
        GC.SuppressFinalize(this);
    }

    // A model that nobody disposed must still let go of its buffers; the handle frees itself.
    ~TorchModel() => ReleaseBuffers();

    private void ReleaseBuffers()
    {
        _parameters?.DangerousRelease();
        _statistics?.DangerousRelease();
        _parameters = null;
        _statistics = null;
    }

    private void RequireImages(ReadOnlySpan<float> images, int count)
    {
        if (images.Length != (long)count * ImageLength)
        {
            throw new ArgumentException(
                $"{images.Length} numbers for {count} images of {ImageLength}");
        }
    }

    private void RequireGradients(NativeBuffer gradients)
    {
        if (gradients.ByteLength < GradientLength * Type.ByteSize())
        {
            throw new ArgumentException(
                $"a gradient buffer of {gradients.ByteLength} bytes; the model needs "
                + $"{GradientLength * Type.ByteSize()}");
        }
    }
}
