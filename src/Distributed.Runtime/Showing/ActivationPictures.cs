using System.Runtime.CompilerServices;
using Distributed.Telemetry;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Models;

namespace Distributed.Runtime.Showing;

/// <summary>
/// What the convolutions, or residual blocks, of a network make of a few test images. Has a network
/// of its own for each, made at the first use. One thread at a time, but for its disposal.
/// </summary>
internal sealed class ActivationPictures(Network network, DatasetPair data) : IDisposable
{
    public const int ImagesMax = 4;
    public const int ChannelsMax = 16;

    private const int LayersMax = 6;
    private const int TilePixelsMin = 28, TilePixelsMax = 64;

    private readonly List<(string Name, PartialNetwork Part)> _parts = [];
    private float[]? _images;

    /// <summary>Hands over each layer by itself, so that none is too large a message.</summary>
    public void AddTo(
        ModelSnapshot snapshot, Action<SummaryBuilder> add, CancellationToken stop)
    {
        _images ??= ReadImages();
        if (_parts.Count == 0)
            MakeParts();
        foreach ((string name, PartialNetwork part) in _parts)
        {
            stop.ThrowIfCancellationRequested();
            part.Load(snapshot.Model, snapshot.Parameters, snapshot.Statistics);
            var summary = new SummaryBuilder();
            Draw(part).AddTo(
                summary, $"activations/{name}",
                $"What {name} makes of {Images} test images: one a row, its first channels side "
                + "by side. Black is the least, white the most.");
            add(summary);
        }
    }

    public void Dispose()
    {
        foreach ((_, PartialNetwork part) in _parts)
            part.Dispose();
    }

    private int Images => Math.Min(ImagesMax, data.Test.Count);

    private void MakeParts()
    {
        IReadOnlyList<ResolvedLayer> layers = network.Layers;
        for (int layer = 0; layer < layers.Count && _parts.Count < LayersMax; layer++)
        {
            if (layers[layer].Spec is not (ConvLayer or ResidualLayer))
                continue;
            // What is shown is the layer with the normalisation and non-linearity that follow it.
            int end = layer + 1;
            while (end < layers.Count
                && layers[end].Spec is BatchNormLayer or ReluLayer or GeluLayer)
            {
                end++;
            }

            _parts.Add((layers[layer].Name, new PartialNetwork(network, end)));
        }
    }

    private ImageTiles Draw(PartialNetwork part)
    {
        FeatureShape output = part.Output;
        var values = new float[Images * checked((int)output.Elements)];
        part.Evaluate(_images, values);
        (float least, float most) = Range(values);
        int channels = Math.Min(ChannelsMax, output.Channels);
        int larger = Math.Max(output.Height, output.Width);
        int step = (larger + TilePixelsMax - 1) / TilePixelsMax;
        var tile = new ImageShape(
            1, Math.Max(1, output.Height / step), Math.Max(1, output.Width / step));
        var tiles = new ImageTiles(
            tile, Images * channels, channels,
            Math.Max(1, TilePixelsMin / larger));
        var pixels = new byte[tile.Length];
        for (int index = 0; index < Images * channels; index++)
        {
            (int image, int channel) = Math.DivRem(index, channels);
            int plane = output.Height * output.Width;
            ReadOnlySpan<float> source = values.AsSpan(
                ((image * output.Channels) + channel) * plane, plane);
            Shade(source, output.Width, step, (least, most), pixels, tile.Width);
            tiles.Set(index, pixels);
        }

        return tiles;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Least, float Most) Range(ReadOnlySpan<float> values)
    {
        float least = float.PositiveInfinity, most = float.NegativeInfinity;
        foreach (float value in values)
        {
            // Neither comparison holds for what is no number.
            least = value < least ? value : least;
            most = value > most ? value : most;
        }

        return (least, most);
    }

    /// <summary>One pixel in <paramref name="step"/>, each way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Shade(
        ReadOnlySpan<float> source, int width, int step, (float Least, float Most) range,
        Span<byte> pixels, int columns)
    {
        float scale = range.Most > range.Least ? 255 / (range.Most - range.Least) : 0;
        for (int y = 0; y < pixels.Length / columns; y++)
        {
            for (int x = 0; x < columns; x++)
            {
                float level = scale * (source[(y * step * width) + (x * step)] - range.Least);
                pixels[(y * columns) + x] = (byte)(level > 0 ? Math.Min(level, 255) : 0);
            }
        }
    }

    /// <summary>From all over the test set, which may be sorted by class.</summary>
    private float[] ReadImages()
    {
        var assembler = new BatchAssembler(data.Test, data.Mean, data.StandardDeviation);
        int length = data.Shape.Length;
        var images = new float[Images * length];
        Span<int> label = stackalloc int[1];
        for (int image = 0; image < Images; image++)
        {
            assembler.Range(
                (int)((long)image * data.Test.Count / Images), 1,
                images.AsSpan(image * length, length), label);
        }

        return images;
    }
}
