using System.Globalization;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Models;

namespace Distributed.Runtime.Showing;

/// <summary>
/// Test images as points: what a network's last layer but one makes of them, with a picture, the
/// true and the predicted class of each, as files of TensorBoard's projector.
/// </summary>
internal sealed class TestEmbedding
{
    public const int SamplesMax = 1000;
    public const int FeaturesMax = 64;

    public const string TensorFile = "test.tsv";
    public const string MetadataFile = "test-metadata.tsv";
    public const string SpriteFile = "test-sprite.png";

    private const int SamplesMin = 50;
    private const int SamplesAtOnce = 50;
    private const int SpritePixelsMax = 28;

    /// <summary>A large network gets fewer points, so that a run's end is not held up.</summary>
    private const double FlopsMax = 1e10;

    private readonly Network _network;
    private readonly DatasetPair _data;
    private readonly float[] _features;
    private readonly int[] _predicted;
    private readonly int _width;

    private TestEmbedding(Network network, DatasetPair data, int samples, int width)
    {
        (_network, _data, _width) = (network, data, width);
        Samples = samples;
        _features = new float[samples * width];
        _predicted = new int[samples];
    }

    public int Samples { get; }

    /// <summary>
    /// Null for a network that does not end with a linear layer behind others with parameters, or
    /// images that are no pictures.
    /// </summary>
    public static TestEmbedding? TryMake(
        Network network, DatasetPair data, ModelSnapshot snapshot, CancellationToken stop)
    {
        int last = network.Layers.Count - 1;
        if (network.Layers[last].Spec is not LinearLayer
            || !network.Layers.Take(last).Any(HasParameters)
            || data.Shape.Channels is not (1 or 3))
        {
            return null;
        }

        double affordable = FlopsMax / Math.Max(1, network.FlopsPerImage);
        int samples = Math.Min(
            (int)Math.Clamp(affordable, SamplesMin, SamplesMax), data.Test.Count);
        var embedding = new TestEmbedding(
            network, data, samples, network.Layers[last].Input.Channels);
        embedding.Evaluate(snapshot, last, stop);
        embedding.Predict(snapshot);
        return embedding;
    }

    /// <summary>The last one is the configuration that names the others.</summary>
    public IEnumerable<(string Name, byte[] Content)> ToFiles()
    {
        int[] kept = MostVaried();
        var points = new float[Samples * kept.Length];
        for (int index = 0; index < points.Length; index++)
        {
            (int sample, int feature) = Math.DivRem(index, kept.Length);
            // Digits that nobody sees would make most of the file.
            points[index] = MathF.Round(_features[(sample * _width) + kept[feature]], 3);
        }

        yield return (TensorFile, ProjectorEmbedding.ToTensorFile(points, kept.Length));
        yield return (MetadataFile, Metadata());
        (ImageShape tile, byte[] sprite) = Sprite();
        yield return (SpriteFile, sprite);
        var config = new ProjectorConfig(
        [
            new ProjectorEmbedding(
                "test images", TensorFile, Samples, kept.Length, MetadataFile, SpriteFile,
                tile.Width, tile.Height),
        ]);
        yield return (
            ProjectorConfig.FileName, System.Text.Encoding.UTF8.GetBytes(config.ToText()));
    }

    private static bool HasParameters(ResolvedLayer layer) =>
        layer.Tensors.Count > 0 || layer.Branch.Any(HasParameters)
        || layer.Shortcut.Any(HasParameters);

    /// <summary>From all over the test set, which may be sorted by class.</summary>
    private int IndexOf(int sample) => (int)((long)sample * _data.Test.Count / Samples);

    private void Evaluate(ModelSnapshot snapshot, int layers, CancellationToken stop)
    {
        using var part = new PartialNetwork(_network, layers);
        part.Load(snapshot.Model, snapshot.Parameters, snapshot.Statistics);
        Invariant.Check(part.Output.Elements == _width, "a linear layer's input is one row");
        var assembler = new BatchAssembler(_data.Test, _data.Mean, _data.StandardDeviation);
        int length = _data.Shape.Length;
        var images = new float[SamplesAtOnce * length];
        Span<int> label = stackalloc int[1];
        for (int first = 0; first < Samples; first += SamplesAtOnce)
        {
            stop.ThrowIfCancellationRequested();
            int count = Math.Min(SamplesAtOnce, Samples - first);
            for (int image = 0; image < count; image++)
            {
                assembler.Range(
                    IndexOf(first + image), 1, images.AsSpan(image * length, length),
                    label);
            }

            part.Evaluate(
                images.AsSpan(0, count * length),
                _features.AsSpan(first * _width, count * _width));
        }
    }

    /// <summary>By the last layer, which is all that is left to do.</summary>
    private void Predict(ModelSnapshot snapshot)
    {
        string last = _network.Layers[^1].Name;
        ReadOnlySpan<float> weights = Tensor(snapshot, $"{last}.weight");
        ReadOnlySpan<float> bias = Tensor(snapshot, $"{last}.bias");
        for (int sample = 0; sample < Samples; sample++)
        {
            ReadOnlySpan<float> features = _features.AsSpan(sample * _width, _width);
            float most = float.NegativeInfinity;
            for (int label = 0; label < _network.Classes; label++)
            {
                float logit = System.Numerics.Tensors.TensorPrimitives.Dot(
                    weights.Slice(label * _width, _width), features)
                    + (bias.IsEmpty ? 0 : bias[label]);
                if (logit > most)
                    (most, _predicted[sample]) = (logit, label);
            }
        }
    }

    private static ReadOnlySpan<float> Tensor(ModelSnapshot snapshot, string name)
    {
        TensorInfo? tensor = snapshot.Model.Parameters.FirstOrDefault(
            tensor => tensor.Name == name);
        return tensor is null
            ? []
            : snapshot.Parameters.AsSpan<float>(tensor.Offset, (int)tensor.Length);
    }

    private int[] MostVaried()
    {
        var varieties = new double[_width];
        for (int feature = 0; feature < _width; feature++)
        {
            double sum = 0, squares = 0;
            for (int sample = 0; sample < Samples; sample++)
            {
                double value = _features[(sample * _width) + feature];
                sum += value;
                squares += value * value;
            }

            varieties[feature] = (squares / Samples) - (sum / Samples * (sum / Samples));
        }

        return
        [
            .. Enumerable.Range(0, _width).OrderByDescending(feature => varieties[feature])
                .Take(FeaturesMax).Order(),
        ];
    }

    private byte[] Metadata() => ProjectorEmbedding.ToMetadataFile(
        ["label", "predicted", "right", "index"],
        Enumerable.Range(0, Samples).Select(sample =>
        {
            int label = _data.Test.Label(IndexOf(sample));
            return (IReadOnlyList<string>)
            [
                _data.ClassNames[label], _data.ClassNames[_predicted[sample]],
                label == _predicted[sample] ? "yes" : "no",
                IndexOf(sample).ToString(CultureInfo.InvariantCulture),
            ];
        }));

    private (ImageShape Tile, byte[] Png) Sprite()
    {
        ImageShape shape = _data.Shape;
        int step = (Math.Max(shape.Height, shape.Width) + SpritePixelsMax - 1) / SpritePixelsMax;
        var tile = new ImageShape(
            shape.Channels, Math.Max(1, shape.Height / step), Math.Max(1, shape.Width / step));
        int side = (int)Math.Ceiling(Math.Sqrt(Samples));
        var tiles = new ImageTiles(tile, side * side, side, gap: 0);
        var pixels = new byte[tile.Length];
        for (int sample = 0; sample < Samples; sample++)
        {
            ReadOnlySpan<byte> image = _data.Test.Image(IndexOf(sample));
            for (int place = 0; place < pixels.Length; place++)
            {
                (int row, int x) = Math.DivRem(place, tile.Width);
                (int channel, int y) = Math.DivRem(row, tile.Height);
                pixels[place] = image[
                    (((channel * shape.Height) + (y * step)) * shape.Width) + (x * step)];
            }

            tiles.Set(sample, pixels);
        }

        return (tile, tiles.ToPng());
    }
}
