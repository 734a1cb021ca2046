using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class BatchPlanTests
{
    // Golden values: they are part of every run's bits. A change here makes old runs
    // irreproducible.
    [Fact]
    public void Order_of_ten_samples_never_changes()
    {
        var plan = new BatchPlan(10, 4, 2, seed: 1);
        Assert.Equal(GoldenTen, [Order(plan, 0), Order(plan, 1)]);
    }

    [Fact]
    public void Order_of_sixty_thousand_samples_never_changes()
    {
        var plan = new BatchPlan(60_000, 64, 4, seed: 1);
        var first = Enumerable.Range(0, 8).Select(position => plan.Sample(0, position));
        Assert.Equal(GoldenMnist, first);

        var checksum = 0UL;
        for (var position = 0; position < 60_000; position++)
        {
            checksum = CounterRandom.Mix(checksum ^ (ulong)plan.Sample(7, position));
        }
        Assert.Equal(GoldenMnistChecksum, checksum);
    }

    [Fact]
    public void Last_batch_of_an_epoch_is_used_though_partial()
    {
        var plan = new BatchPlan(10, 4, 2, seed: 1);
        Assert.Equal(3, plan.StepsPerEpoch);
        Assert.Equal((0, 0, 4), plan.Locate(0));
        Assert.Equal((0, 8, 2), plan.Locate(2));
        Assert.Equal((1, 0, 4), plan.Locate(3));
    }

    [Fact]
    public void Shards_of_a_partial_batch_may_be_empty()
    {
        var plan = new BatchPlan(9, 8, 4, seed: 1);
        Assert.Equal((8, 0), plan.ShardRange(1, 0));
        Assert.Equal((8, 0), plan.ShardRange(1, 1));
        Assert.Equal((8, 0), plan.ShardRange(1, 2));
        Assert.Equal((8, 1), plan.ShardRange(1, 3));
    }

    [Fact]
    public void One_sample_is_its_own_order()
    {
        var plan = new BatchPlan(1, 1, 1, seed: 99);
        Assert.Equal(0, plan.Sample(0, 0));
        Assert.Equal(0, plan.Sample(123, 0));
    }

    [Fact]
    public void More_samples_than_memory_can_hold_are_no_trouble()
    {
        var plan = new BatchPlan(long.MaxValue, int.MaxValue, 8, seed: 1);
        var sample = plan.Sample(0, long.MaxValue - 1);
        Assert.InRange(sample, 0, long.MaxValue - 1);
        Assert.Equal(0, plan.Locate(plan.StepsPerEpoch - 1).Epoch);
    }

    [Theory]
    [InlineData(0, 4, 2)]
    [InlineData(10, 0, 2)]
    [InlineData(10, 4, 0)]
    [InlineData(10, 4, 8)]
    [InlineData(3, 64, 4)]
    public void Impossible_plans_are_refused(long samples, int batch, int shards)
    {
        var error = Assert.Throws<OperatingException>(
            () => new BatchPlan(samples, batch, shards, seed: 1));
        Assert.Equal(ExitCodes.BadUsage, error.ExitCode);
        Assert.Contains("expected", error.Message);
    }

    // Over many epochs each sample must come at each position about equally often. With 9 degrees
    // of freedom a chi-squared above 40 has a chance of one in 100,000 a position.
    [Fact]
    public void Every_sample_is_as_likely_at_every_position()
    {
        const int Samples = 10;
        const int Epochs = 5000;
        var plan = new BatchPlan(Samples, 1, 1, seed: 3);
        for (var position = 0; position < Samples; position++)
        {
            var counts = new int[Samples];
            for (var epoch = 0; epoch < Epochs; epoch++)
            {
                counts[plan.Sample(epoch, position)]++;
            }
            const double Expected = (double)Epochs / Samples;
            Assert.True(
                counts.Sum(count => Math.Pow(count - Expected, 2) / Expected) < 40,
                $"position {position}: {string.Join(' ', counts)}");
        }
    }

    // Neighbours of the source order must not stay near each other: the mean distance of two
    // random positions is a third of the length.
    [Fact]
    public void Neighbours_are_torn_apart()
    {
        const int Samples = 50_000;
        var plan = new BatchPlan(Samples, 64, 4, seed: 5);
        double distance = 0;
        for (var position = 1; position < Samples; position++)
        {
            distance += Math.Abs(plan.Sample(2, position) - plan.Sample(2, position - 1));
        }
        Assert.InRange(distance / Samples / Samples, 0.32, 0.35);
    }

    private static long[] Order(BatchPlan plan, long epoch) =>
        [.. Enumerable.Range(0, (int)plan.SampleCount).Select(p => plan.Sample(epoch, p))];

    private static readonly long[][] GoldenTen =
    [
        [1, 3, 8, 5, 7, 0, 2, 6, 4, 9],
        [4, 5, 9, 6, 8, 7, 0, 1, 2, 3],
    ];

    private static readonly long[] GoldenMnist =
        [31669, 30870, 44670, 28676, 11880, 41325, 43928, 12471];

    private const ulong GoldenMnistChecksum = 11197524937544094122;
}
