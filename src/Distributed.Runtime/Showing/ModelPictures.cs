using Distributed.Telemetry;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Step;

namespace Distributed.Runtime.Showing;

/// <summary>Histograms of a model's tensors, and its first layer's filters as pictures.</summary>
internal static class ModelPictures
{
    private const int FilterPixels = 32;
    private const byte Middle = 128;

    public static void AddHistograms(ModelSnapshot snapshot, SummaryBuilder summary)
    {
        foreach (TensorInfo tensor in snapshot.Model.Parameters)
        {
            summary.Histogram(
                $"weights/{tensor.Name}",
                HistogramCounts.Of(ModelState.Floats(snapshot.Parameters, tensor)));
            if (snapshot.HasGradients)
            {
                summary.Histogram(
                    $"gradients/{tensor.Name}",
                    HistogramCounts.Of(ModelState.Floats(snapshot.Gradients, tensor)));
            }
        }
    }

    /// <summary>The filters of the first convolution; nothing where there is none.</summary>
    public static void AddFilters(ModelSnapshot snapshot, SummaryBuilder summary)
    {
        TensorInfo? first = snapshot.Model.Parameters.FirstOrDefault(
            tensor => tensor.Shape.Length == 4);
        if (first is null)
            return;
        Draw(ModelState.Floats(snapshot.Parameters, first), first.Shape).AddTo(
            summary, $"filters/{first.Name}",
            "What the first convolution looks for. Grey is zero; brighter is above it.");
    }

    /// <param name="weights">Filter by filter.</param>
    /// <param name="shape">Filters, channels, rows, columns. Of other than three channels the
    /// first one is drawn, as grey.</param>
    internal static ImageTiles Draw(ReadOnlySpan<float> weights, IReadOnlyList<int> shape)
    {
        (int filters, int channels) = (shape[0], shape[1]);
        var tile = new ImageShape(channels == 3 ? 3 : 1, shape[2], shape[3]);
        int stride = channels * tile.Height * tile.Width;
        float largest = 0;
        foreach (float weight in weights)
            largest = Math.Max(largest, Math.Abs(weight));
        var tiles = new ImageTiles(
            tile, filters, (int)Math.Ceiling(Math.Sqrt(filters)),
            Math.Max(1, FilterPixels / Math.Max(tile.Height, tile.Width)));
        var pixels = new byte[tile.Length];
        for (int filter = 0; filter < filters; filter++)
        {
            for (int pixel = 0; pixel < pixels.Length; pixel++)
            {
                float share = largest > 0 ? weights[(filter * stride) + pixel] / largest : 0;
                pixels[pixel] = (byte)(Middle + (sbyte)(127 * share));
            }

            tiles.Set(filter, pixels);
        }

        return tiles;
    }
}
