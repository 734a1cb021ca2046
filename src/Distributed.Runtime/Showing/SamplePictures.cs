using Distributed.Telemetry;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Showing;

/// <summary>
/// The first samples that a run trains on: as the dataset has them, and as augmentation shows them
/// to the network.
/// </summary>
internal static class SamplePictures
{
    private const int SamplesMax = 32;

    /// <summary>Of a picture: large images are fewer, so that it can be sent.</summary>
    private const int BytesMax = 1 << 20;
    private const int Columns = 8;
    private const int TilePixelsMin = 28;

    public static void Add(RunSpec spec, DatasetPair data, SummaryBuilder summary)
    {
        if (data.Shape.Channels is not (1 or 3))
            return;
        Draw(spec, AugmentationSettings.None, data).AddTo(
            summary, "samples/inputs", "The first samples that the run trains on.");
        if (!spec.Augmentation.ChangesNothing)
        {
            Draw(spec, spec.Augmentation, data).AddTo(
                summary, "samples/augmented", "The same samples as augmentation changes them.");
        }
    }

    /// <summary>By what training itself does with them, undone as far as colours go.</summary>
    internal static ImageTiles Draw(
        RunSpec spec, AugmentationSettings augmentation, DatasetPair data)
    {
        ImageShape shape = data.Shape;
        var plan = new BatchPlan(
            data.Train.Count, spec.GlobalBatch, spec.LogicalShards, spec.Seed);
        var assembler = new BatchAssembler(data.Train, data.Mean, data.StandardDeviation);
        int count = Math.Min(
            Math.Clamp(BytesMax / shape.Length, 1, SamplesMax), plan.Locate(0).Count);
        var tiles = new ImageTiles(
            shape, count, Columns,
            Math.Max(1, TilePixelsMin / Math.Max(shape.Height, shape.Width)));
        var images = new float[plan.ShardSamplesMax * shape.Length];
        var labels = new int[plan.ShardSamplesMax];
        var pixels = new byte[shape.Length];
        int done = 0;
        for (int shard = 0; shard < spec.LogicalShards && done < count; shard++)
        {
            int samples = assembler.Shard(
                plan, augmentation, spec.Seed, step: 0, shard, images, labels);
            for (int sample = 0; sample < samples && done < count; sample++)
            {
                Denormalize(images.AsSpan(sample * shape.Length, shape.Length), data, pixels);
                tiles.Set(done++, pixels);
            }
        }

        return tiles;
    }

    private static void Denormalize(ReadOnlySpan<float> image, DatasetPair data, Span<byte> pixels)
    {
        int plane = data.Shape.Height * data.Shape.Width;
        for (int place = 0; place < pixels.Length; place++)
        {
            int channel = place / plane;
            double level = (image[place] * data.StandardDeviation[channel]) + data.Mean[channel];
            pixels[place] = (byte)Math.Clamp(Math.Round(255 * level), 0, 255);
        }
    }
}
