using Distributed.Collectives.Reduction;
using FsCheck.Xunit;

namespace Distributed.Collectives.Tests;

/// <summary>
/// Goal: the chosen groups are the best that there are. Method: all groupings of a few buckets.
/// </summary>
public sealed class BucketScheduleTests
{
    [Property(MaxTest = 500)]
    public void NoGroupingIsDoneEarlier(int seed)
    {
        var random = new Random(seed);
        int count = 1 + random.Next(8);
        double[] readyMs = Ready(random, count);
        long[] bytes = [.. Enumerable.Range(0, count).Select(_ => random.NextInt64(1, 1 << 22))];
        // From links where bytes decide to those where only the number of groups does.
        var cost = new LinkCost(
            random.Next(3) * Math.Pow(10, random.Next(-3, 2)),
            random.Next(3) * Math.Pow(10, random.Next(-8, -4)));
        BucketGrouping chosen = BucketSchedule.Choose(readyMs, bytes, cost);
        double best = Groupings.All(count)
            .Min(ends => BucketSchedule.FinishMs(readyMs, bytes, cost, ends));
        Assert.Equal(best, BucketSchedule.FinishMs(readyMs, bytes, cost, chosen.Ends));
        Assert.Equal(count, chosen.Ends[^1]);
        Assert.Equal(chosen.Ends.Order().Distinct(), chosen.Ends);
    }

    [Fact]
    public void WhereOnlyTheNumberOfGroupsCountsThereIsOne()
    {
        BucketGrouping chosen = BucketSchedule.Choose(
            [1, 2, 3, 4], [1 << 20, 1 << 20, 1 << 20, 1 << 20], new LinkCost(50, 0));
        Assert.Equal([4], chosen.Ends);
        Assert.Equal(
            "4 buckets, grouped into 1: at 50 ms a group and 0 ms a MiB the last sum is there 50 "
            + "ms after backward, one by one 197 ms",
            chosen.Reason);
    }

    [Fact]
    public void WhereOnlyBytesCountEveryBucketGoesAtOnce() => Assert.Equal(
        [1, 2, 3, 4],
        BucketSchedule.Choose(
            [1, 2, 3, 4], [1000, 1000, 1000, 1000], new LinkCost(0, 0.0005)).Ends);

    [Fact]
    public void OfGroupingsThatAreDoneAtOnceTheOneWithFewerGroupsIsTaken() => Assert.Equal(
        [4],
        BucketSchedule.Choose([4, 4, 4, 4], [8, 8, 8, 8], new LinkCost(0, 1)).Ends);

    [Theory]
    [InlineData(1, new[] { 1, 2, 3, 4, 5 })]
    [InlineData(100, new[] { 1, 3, 5 })]
    [InlineData(150, new[] { 2, 5 })]
    [InlineData(long.MaxValue, new[] { 5 })]
    public void WithoutTimesGroupsHaveASize(long groupBytes, int[] ends) => Assert.Equal(
        ends, BucketSchedule.OfSize([100, 60, 50, 70, 10], groupBytes).Ends);

    [Property(MaxTest = 200)]
    public void ACostIsFoundInTheTimesThatItMakes(int seed)
    {
        var random = new Random(seed);
        var cost = new LinkCost(
            Math.Pow(10, -2 + 3 * random.NextDouble()), Math.Pow(10, -7 + 3 * random.NextDouble()));
        long[] sizes = [.. Enumerable.Range(0, 6).Select(_ => random.NextInt64(1 << 24))];
        LinkCost found = LinkCost.Fit([.. sizes.Select(size => (size, cost.Of(size)))]);
        foreach (long size in sizes)
            Assert.Equal(cost.Of(size), found.Of(size), 1e-3 * cost.Of(size));
    }

    [Property(MaxTest = 200)]
    public void ACostIsNeverNegative(int seed)
    {
        var random = new Random(seed);
        LinkCost found = LinkCost.Fit(
        [
            .. Enumerable.Range(0, 1 + random.Next(4)).Select(
                _ => (random.NextInt64(1, 4) * 1000, random.Next(3) * random.NextDouble())),
        ]);
        Assert.True(found.FixedMs >= 0 && found.MsPerByte >= 0, $"{found}");
    }

    [Fact]
    public void AGenerationIsAsFastAsItsSlowestRankAndItsLinkAsFastAsItCanBe()
    {
        BucketTimes times = BucketTimes.Of(
        [
            new BucketTimes([1, 5, 5], [3, 9, 1], 20),
            new BucketTimes([4, 3, 6], [7, 2, 8], 19),
        ]);
        Assert.Equal([4, 5, 6], times.ReadyMs);
        Assert.Equal([3, 2, 1], times.AloneMs);
        Assert.Equal(19, times.TogetherMs);
    }

    private static double[] Ready(Random random, int count)
    {
        var ready = new double[count];
        double now = 0;
        for (int bucket = 0; bucket < count; bucket++)
            ready[bucket] = now += random.Next(3) * random.NextDouble();
        return ready;
    }
}
