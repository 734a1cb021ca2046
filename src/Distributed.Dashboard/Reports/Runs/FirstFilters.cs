using Distributed.Kernel;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Specification;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>The filters of a network's first convolution, as images.</summary>
internal static class FirstFilters
{
    private const int FiltersMax = 64;

    /// <summary>How wide a filter is shown.</summary>
    private const int PixelWidth = 56;

    /// <summary>Null where a run has no checkpoint, or no filter that can be looked at.</summary>
    public static ImageGrid? Of(string folder, RunSpec spec)
    {
        try
        {
            using LoadedCheckpoint checkpoint = TrainedRun.LoadCheckpoint(folder, spec, _ => { });
            return checkpoint.Model.Tensors.FirstOrDefault(IsConvolution) is { } tensor
                ? Draw(checkpoint.Model, tensor)
                : null;
        }
        catch (OperatingException)
        {
            // Another section says that there is no checkpoint.
            return null;
        }
    }

    private static bool IsConvolution(StoredTensor tensor) => tensor.Shape is
        [_, 1 or 3, > 1, > 1];

    private static ImageGrid Draw(SafeTensorsFile file, StoredTensor tensor)
    {
        var values = new float[tensor.Length];
        file.ReadFloat32(tensor.Name, values);
        int count = tensor.Shape[0];
        var shape = new ImageShape(tensor.Shape[1], tensor.Shape[2], tensor.Shape[3]);
        int shown = Math.Min(count, FiltersMax);
        string size = $"{shape.Height}×{shape.Width}";
        string meaning = shape.Channels == 1
            ? "blue weights are positive, orange ones negative, white ones 0"
            : "colours are the weights of red, green and blue, grey is 0";
        return new ImageGrid(
            $"Filters of {tensor.Name}",
            $"{(shown < count ? $"The first {shown} of {count}" : $"All {count}")} filters of "
                + $"{size} pixels, each scaled to its own largest weight: {meaning}.",
            PixelWidth,
            [
                .. Enumerable.Range(0, shown).Select(filter => new ReportImage(
                    Png(values.AsSpan(filter * shape.Length, shape.Length), shape), "",
                    $"Filter {filter + 1} of {tensor.Name}, {size} pixels")),
            ]);
    }

    private static byte[] Png(ReadOnlySpan<float> weights, ImageShape shape)
    {
        float most = 0;
        foreach (float weight in weights)
            most = Math.Max(most, Math.Abs(weight));
        int plane = shape.Height * shape.Width;
        var pixels = new byte[3 * plane];
        for (int at = 0; at < pixels.Length; at++)
        {
            int channel = at / plane;
            float weight = most == 0
                ? 0
                : weights[shape.Channels == 1 ? at % plane : at] / most;
            pixels[at] = shape.Channels == 1 ? Diverging(weight, channel) : Centred(weight);
        }
        return PngImage.Encode(pixels, new ImageShape(3, shape.Height, shape.Width));
    }

    private static byte Centred(float weight) => (byte)Math.Round(127.5 + 127.5 * weight);

    /// <summary>From white to blue for positive weights, to orange for negative ones.</summary>
    private static byte Diverging(float weight, int channel)
    {
        ReadOnlySpan<byte> blue = [11, 98, 196];
        ReadOnlySpan<byte> orange = [196, 70, 26];
        byte end = weight > 0 ? blue[channel] : orange[channel];
        return (byte)Math.Round(255 + (end - 255) * Math.Abs(weight));
    }
}
