using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class BatchAssemblerTests
{
    private static readonly ImageShape Shape = new(3, 8, 8);
    private static readonly double[] Mean = [0.4914, 0.4822, 0.4465];
    private static readonly double[] Deviation = [0.2470, 0.2435, 0.2616];

    private static readonly AugmentationSettings Augmented = new()
    {
        CropPaddingPixels = 2,
        HorizontalFlip = FlipMode.Random,
        CutoutPixels = 3,
    };

    [Fact]
    public void Range_normalises_as_torchvision_does()
    {
        using var dataset = Dataset();
        var images = new float[2 * Shape.Length];
        var labels = new int[2];
        new BatchAssembler(dataset, Mean, Deviation).Range(5, 2, images, labels);
        Assert.Equal([5, 6], labels);
        for (var index = 0; index < images.Length; index++)
        {
            var value = dataset.Image(5 + (index / Shape.Length))[index % Shape.Length];
            var channel = index % Shape.Length / 64;
            var expected = ((value / 255f) - (float)Mean[channel]) / (float)Deviation[channel];
            Assert.Equal(expected, images[index]);
        }
    }

    [Fact]
    public void Shards_together_hold_the_step_s_samples_in_order()
    {
        using var dataset = Dataset();
        var plan = new BatchPlan(dataset.Count, 7, 3, seed: 11);
        var assembler = new BatchAssembler(dataset, Mean, Deviation);
        for (var step = 0L; step < 2 * plan.StepsPerEpoch; step++)
        {
            var (epoch, position, count) = plan.Locate(step);
            var labels = new List<int>();
            for (var shard = 0; shard < 3; shard++)
            {
                var images = new float[plan.ShardSamplesMax * Shape.Length];
                var shardLabels = new int[plan.ShardSamplesMax];
                var filled = assembler.Shard(
                    plan, AugmentationSettings.None, 1, step, shard, images, shardLabels);
                labels.AddRange(shardLabels[..filled]);
            }
            var expected = Enumerable.Range(0, count)
                .Select(index => dataset.Label((int)plan.Sample(epoch, position + index)));
            Assert.Equal(expected, labels);
        }
    }

    [Fact]
    public void A_shard_is_the_same_whoever_assembles_it_and_when()
    {
        using var dataset = Dataset();
        var plan = new BatchPlan(dataset.Count, 8, 2, seed: 11);
        float[] Assemble(BatchAssembler assembler, long step)
        {
            var images = new float[plan.ShardSamplesMax * Shape.Length];
            assembler.Shard(plan, Augmented, 1, step, 1, images, new int[4]);
            return images;
        }
        var busy = new BatchAssembler(dataset, Mean, Deviation);
        Assemble(busy, 9);
        var fresh = new BatchAssembler(dataset, Mean, Deviation);
        Assert.Equal(Assemble(fresh, 3), Assemble(busy, 3));
    }

    /// <summary>Whichever step and shard a sample comes in, its flip is the epoch's.</summary>
    [Fact]
    public void Alternating_flips_follow_the_sample()
    {
        using var dataset = Dataset();
        var settings = AugmentationSettings.None with { HorizontalFlip = FlipMode.Alternating };
        var plan = new BatchPlan(dataset.Count, 8, 2, seed: 11);
        var assembler = new BatchAssembler(dataset, Mean, Deviation);
        var normalizer = new ImageNormalizer(Shape, Mean, Deviation);
        var images = new float[plan.ShardSamplesMax * Shape.Length];
        var expected = new float[Shape.Length];
        for (var step = 0L; step < 2 * plan.StepsPerEpoch; step++)
        {
            var (epoch, _, _) = plan.Locate(step);
            var (position, _) = plan.ShardRange(step, 1);
            var count = assembler.Shard(plan, settings, 3, step, 1, images, new int[4]);
            for (var index = 0; index < count; index++)
            {
                var sample = plan.Sample(epoch, position + index);
                var flip = Augmentation.AlternatingFlip(3, epoch, sample);
                normalizer.Write(
                    dataset.Image((int)sample), expected,
                    new Augmentation(0, 0, 0, 0, flip, 0, 0, 0, 0), CropPaddingMode.Zero);
                Assert.Equal(
                    expected, images.AsSpan(index * Shape.Length, Shape.Length).ToArray());
            }
        }
    }

    // Golden value: it is part of every run's bits.
    [Fact]
    public void Augmented_bits_never_change()
    {
        using var dataset = Dataset();
        var plan = new BatchPlan(dataset.Count, 8, 2, seed: 11);
        var images = new float[plan.ShardSamplesMax * Shape.Length];
        var assembler = new BatchAssembler(dataset, Mean, Deviation);
        var checksum = 0UL;
        for (var step = 0; step < 10; step++)
        {
            var count = assembler.Shard(plan, Augmented, 1, step, 1, images, new int[4]);
            checksum = images.Take(count * Shape.Length).Aggregate(checksum, (sum, value) =>
                CounterRandom.Mix(sum ^ BitConverter.SingleToUInt32Bits(value)));
        }
        Assert.Equal(GoldenChecksum, checksum);
    }

    [Fact]
    public void A_batch_allocates_nothing()
    {
        using var dataset = Dataset();
        var plan = new BatchPlan(dataset.Count, 8, 2, seed: 11);
        var assembler = new BatchAssembler(dataset, Mean, Deviation);
        var images = new float[plan.ShardSamplesMax * Shape.Length];
        var labels = new int[plan.ShardSamplesMax];
        void Assemble()
        {
            assembler.Shard(plan, Augmented, 1, 3, 1, images, labels);
            assembler.Shard(plan, AugmentationSettings.None, 1, 3, 1, images, labels);
            assembler.Range(0, 4, images, labels);
        }
        Assemble();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 100; round++)
        {
            Assemble();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_buffer_that_is_too_small_is_a_broken_invariant()
    {
        using var dataset = Dataset();
        var assembler = new BatchAssembler(dataset, Mean, Deviation);
        Assert.Throws<InvariantException>(
            () => assembler.Range(0, 2, new float[Shape.Length], new int[2]));
        Assert.Throws<InvariantException>(
            () => assembler.Range(0, 2, new float[2 * Shape.Length], new int[1]));
    }

    [Fact]
    public void A_plan_for_other_samples_is_a_broken_invariant()
    {
        using var dataset = Dataset();
        var assembler = new BatchAssembler(dataset, Mean, Deviation);
        var plan = new BatchPlan(dataset.Count + 1, 2, 1, seed: 1);
        Assert.Throws<InvariantException>(() => assembler.Shard(
            plan, AugmentationSettings.None, 1, 0, 0, new float[1000], new int[2]));
    }

    private static Dataset Dataset()
    {
        const int Count = 20;
        var images = Enumerable.Range(0, Count * Shape.Length)
            .Select(index => (byte)CounterRandom.UInt64(1, (ulong)index)).ToArray();
        return Training.Data.Dataset.FromMemory(
            "test", DatasetSplit.Train, Shape,
            [.. Enumerable.Range(0, Count).Select(label => $"class {label}")],
            images, [.. Enumerable.Range(0, Count)]);
    }

    private const ulong GoldenChecksum = 8120892898683426122;
}
