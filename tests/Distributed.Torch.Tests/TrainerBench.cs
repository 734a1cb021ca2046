using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using Distributed.Training.Data;

namespace Distributed.Torch.Tests;

/// <summary>dt_precision.</summary>
public enum Precision
{
    Single = 0,
    Bfloat16 = 1,
    Double = 2,
}

/// <summary>
/// A trainer on the CPU with a seeded set of images, and the parameters and statistics of
/// <see cref="Reference"/>, a model in double.
/// </summary>
internal sealed unsafe class TrainerBench : IDisposable
{
    internal const int Train = 0;
    internal const int Parameters = 0;
    internal const int Statistics = 1;
    internal const int FirstState = 2;
    internal const int Gradients = -1;
    internal const int Votes = TorchModel.TrailerLength - 2;

    private readonly TrainerHandle _handle;
    private readonly NativeBuffer _hostGradients;
    private Action<int>? _bucketReady;

    internal TrainerBench(
        string network, Precision precision = Precision.Double, int shardsMax = 8,
        int samplesMax = 32, int images = 24, long bucketBytes = 1 << 20, int seed = 1,
        bool isExact = true, bool isCaptured = false)
    {
        Reference = new Bench(network, samples: 1, ElementType.Float64, seed, bucketBytes);
        Type = precision == Precision.Double ? ElementType.Float64 : ElementType.Float32;
        Layout = Create(network, new NativeMethods.NativeTrainerSettings
        {
            Precision = (int)precision,
            Exact = isExact ? 1 : 0,
            Capture = isCaptured ? 1 : 0,
            ShardsMax = shardsMax,
            ShardSamplesMax = samplesMax,
            BucketBytes = bucketBytes,
        }, out _handle);
        _hostGradients = NativeBuffer.Of(Type, Reference.Model.GradientLength);
        Shape = ShapeOf(network);
        Normalizer = new ImageNormalizer(
            Shape, [.. Enumerable.Range(0, Shape.Channels).Select(c => 0.4 + (0.05 * c))],
            [.. Enumerable.Range(0, Shape.Channels).Select(c => 0.2 + (0.03 * c))]);
        var random = new Random(seed);
        Images = new byte[images * Shape.Length];
        random.NextBytes(Images);
        Labels = [.. Enumerable.Range(0, images).Select(_ => random.Next(Reference.Model.Classes))];
        Load(Train, Images, Labels);
        Write(Parameters, Reference.ReadAll(
            Reference.Parameters, 0, Reference.Model.ParameterLength));
        Write(Statistics, Reference.ReadAll(
            Reference.Statistics, 0, Reference.Model.StatisticsLength));
    }

    internal Bench Reference { get; }

    internal ElementType Type { get; }

    internal string Layout { get; }

    internal ImageShape Shape { get; }

    internal ImageNormalizer Normalizer { get; }

    internal byte[] Images { get; }

    internal int[] Labels { get; }

    /// <summary>Images as they are.</summary>
    internal static NativeMethods.NativeSample[] Plain(params IEnumerable<int> indices) =>
        [.. indices.Select(index => new NativeMethods.NativeSample { Index = index })];

    /// <summary>Every channel's values, as the engine is given them.</summary>
    internal float[] Values()
    {
        var values = new float[Shape.Channels * 256];
        var image = new byte[Shape.Length];
        var pixels = new float[Shape.Length];
        for (var value = 0; value < 256; value++)
        {
            image.AsSpan().Fill((byte)value);
            Normalizer.Write(image, pixels);
            for (var channel = 0; channel < Shape.Channels; channel++)
                values[(channel * 256) + value] = pixels[channel * Shape.Height * Shape.Width];
        }
        return values;
    }

    internal void Load(int set, byte[] images, int[] labels)
    {
        fixed (byte* image = images)
        fixed (int* label = labels)
        fixed (float* value = Values())
        {
            NativeMethods.Check(NativeMethods.TrainerLoad(
                _handle, set, image, label, labels.Length, value));
        }
    }

    internal void SetOptimizer(
        OptimizerKind kind = OptimizerKind.Sgd, int states = 1, bool hasLookahead = false,
        double momentum = 0.9)
    {
        var stretch = new NativeMethods.NativeStretch
        {
            Length = Reference.Model.ParameterLength,
            LastStep = long.MaxValue,
            RateFactor = 1,
            Settings = new()
            {
                Kind = (int)kind,
                Momentum = momentum,
                Nesterov = 1,
                WeightDecay = 0.01,
                Beta1 = 0.9,
                Beta2 = 0.999,
                Epsilon = 1e-8,
            },
        };
        SetOptimizer([stretch], states, hasLookahead);
    }

    internal void SetOptimizer(
        NativeMethods.NativeStretch[] stretches, int states, bool hasLookahead)
    {
        fixed (NativeMethods.NativeStretch* stretch = stretches)
        {
            NativeMethods.Check(NativeMethods.TrainerSetOptimizer(
                _handle, stretch, stretches.Length, states, hasLookahead ? 1 : 0));
        }
    }

    /// <summary>The flat gradients that come to the host.</summary>
    internal double[] Compute(
        NativeMethods.NativeSample[] samples, Span<ModelShard> shards, double lossScale = 1,
        float[]? votes = null, Action<int>? bucketReady = null)
    {
        _bucketReady = bucketReady;
        var self = GCHandle.Alloc(this);
        try
        {
            fixed (NativeMethods.NativeSample* sample = samples)
            fixed (ModelShard* shard = shards)
            fixed (float* vote = votes ?? new float[Votes])
            {
                NativeMethods.Check(NativeMethods.TrainerCompute(
                    _handle, sample, shard, shards.Length, lossScale, vote, _hostGradients,
                    bucketReady is null ? null : &OnBucketReady, GCHandle.ToIntPtr(self)));
            }
        }
        finally
        {
            self.Free();
        }
        return HostGradients();
    }

    internal double[] HostGradients() =>
        ToDoubles(_hostGradients, Reference.Model.GradientLength);

    /// <summary>What the next <see cref="Update"/> goes by.</summary>
    internal void PutHostGradients(double[] gradients) => Put(_hostGradients, gradients);

    /// <summary>By what the last <see cref="Compute"/> left on the host.</summary>
    internal void Update(NativeMethods.NativeUpdate update) =>
        NativeMethods.Check(NativeMethods.TrainerUpdate(_handle, _hostGradients, update));

    /// <summary>The trailer.</summary>
    internal double[] Step(
        NativeMethods.NativeSample[] samples, Span<ModelShard> shards,
        NativeMethods.NativeUpdate update, double lossScale = 1, float[]? votes = null)
    {
        using var trailer = NativeBuffer.Of(Type, TorchModel.TrailerLength);
        fixed (NativeMethods.NativeSample* sample = samples)
        fixed (ModelShard* shard = shards)
        fixed (float* vote = votes ?? new float[Votes])
        {
            NativeMethods.Check(NativeMethods.TrainerStep(
                _handle, sample, shard, shards.Length, lossScale, vote, update, trailer.Pointer));
        }
        return ToDoubles(trailer, TorchModel.TrailerLength);
    }

    internal (float[] Logits, double LossSum, long Correct) Evaluate(
        NativeMethods.NativeSample[] samples, int set = Train)
    {
        var logits = new float[samples.Length * Reference.Model.Classes];
        fixed (NativeMethods.NativeSample* sample = samples)
        fixed (float* logit = logits)
        {
            NativeMethods.Check(NativeMethods.TrainerEvaluate(
                _handle, set, sample, samples.Length, logit, out var lossSum, out var correct));
            return (logits, lossSum, correct);
        }
    }

    internal double[] Read(int part, long? length = null)
    {
        var count = length ?? LengthOf(part);
        using var values = NativeBuffer.Of(Type, count);
        NativeMethods.Check(NativeMethods.TrainerRead(_handle, part, values.Pointer, count));
        return ToDoubles(values, count);
    }

    internal void Write(int part, double[] content)
    {
        using var values = NativeBuffer.Of(Type, content.Length);
        Put(values, content);
        NativeMethods.Check(
            NativeMethods.TrainerWrite(_handle, part, values.Pointer, content.Length));
    }

    /// <summary>
    /// The same shard by the reference model: its gradients, statistics and trailer.
    /// </summary>
    internal double[] ReferenceGradients(
        NativeMethods.NativeSample[] samples, ModelShard shard, double lossScale = 1)
    {
        var pixels = new float[samples.Length * Shape.Length];
        for (var i = 0; i < samples.Length; i++)
        {
            Normalizer.Write(
                Images.AsSpan(samples[i].Index * Shape.Length, Shape.Length),
                pixels.AsSpan(i * Shape.Length));
        }
        var model = Reference.Model;
        model.ForwardBackward(
            pixels, [.. samples.Select(sample => Labels[sample.Index])], shard.DropoutSeed,
            lossScale, shard.StatisticsWeight, Reference.Gradients, null);
        return ToDoubles(Reference.Gradients, model.GradientLength);
    }

    public void Dispose()
    {
        _handle.Dispose();
        _hostGradients.Dispose();
        Reference.Dispose();
    }

    internal static string Create(
        string network, NativeMethods.NativeTrainerSettings settings, out TrainerHandle handle)
    {
        TorchLibrary.Initialize(1);
        NativeMethods.Check(NativeMethods.TrainerCreate(network, settings, out var created));
        handle = created;
        return NativeMethods.ReadText((byte* text, long capacity, out long needed) =>
            NativeMethods.TrainerDescribe(created, text, capacity, out needed));
    }

    private long LengthOf(int part) => part switch
    {
        Statistics => Reference.Model.StatisticsLength,
        Gradients => Reference.Model.GradientLength,
        _ => Reference.Model.ParameterLength,
    };

    private static double[] ToDoubles(NativeBuffer buffer, long length) =>
        buffer.ByteLength == length * sizeof(double)
            ? buffer.AsSpan<double>(0, (int)length).ToArray()
            : [.. buffer.AsSpan<float>(0, (int)length).ToArray().Select(x => (double)x)];

    private void Put(NativeBuffer buffer, double[] content)
    {
        for (var i = 0; i < content.Length; i++)
        {
            if (Type == ElementType.Float64)
                buffer.AsSpan<double>(i, 1)[0] = content[i];
            else
                buffer.AsSpan<float>(i, 1)[0] = (float)content[i];
        }
    }

    private static ImageShape ShapeOf(string network)
    {
        var words = network.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int Of(int word) => int.Parse(words[word].Split('=')[1]);
        return new ImageShape(Of(1), Of(2), Of(3));
    }

    [UnmanagedCallersOnly]
    private static void OnBucketReady(int bucket, nint context) =>
        Unsafe.As<TrainerBench>(GCHandle.FromIntPtr(context).Target!)._bucketReady!(bucket);
}
