using FsCheck.Xunit;

namespace Distributed.Telemetry.Tests;

/// <summary>
/// Histograms are those of TensorFlow, whose way is spelled out here once more: the first limit
/// above a value, found by search.
/// </summary>
public sealed class HistogramTests
{
    private static readonly double[] Limits = [.. TensorFlowLimits()];

    [Property(MaxTest = 200)]
    public void Every_value_is_in_the_bucket_that_a_search_finds(int seed)
    {
        var values = Draw(new Random(seed));
        var expected = values.Where(float.IsFinite)
            .GroupBy(value => Array.Find(Limits, limit => value < limit))
            .ToDictionary(group => group.Key, group => (double)group.Count());
        var histogram = Encoded(HistogramCounts.Of(values));
        var found = histogram.Doubles(6).Zip(histogram.Doubles(7))
            .Where(bucket => bucket.Second > 0)
            .ToDictionary(bucket => bucket.First, bucket => bucket.Second);
        Assert.Equal(expected.OrderBy(bucket => bucket.Key), found.OrderBy(bucket => bucket.Key));
    }

    [Property(MaxTest = 100)]
    public void Parts_add_up_to_the_whole(int seed)
    {
        var values = Draw(new Random(seed));
        var cut = values.Length / 3;
        var parts = new HistogramCounts();
        parts.Add(values.AsSpan(0, cut));
        parts.Add(values.AsSpan(cut));
        var whole = HistogramCounts.Of(values);
        Assert.Equal(whole.Buckets(), parts.Buckets());
        Assert.Equal((whole.Count, whole.NotFinite), (parts.Count, parts.NotFinite));
        Assert.Equal((whole.Min, whole.Max), (parts.Min, parts.Max));
    }

    [Fact]
    public void Limits_are_on_the_side_of_TensorFlow()
    {
        float[] values = [0, -0f, 1e-12f, -1e-12f, float.MaxValue, float.MinValue, float.Epsilon];
        foreach (var value in values)
        {
            var (limit, count) = Assert.Single(HistogramCounts.Of([value]).Buckets());
            Assert.Equal((Array.Find(Limits, above => value < above), 1), (limit, count));
        }
    }

    [Fact]
    public void What_is_not_finite_is_counted_out_and_told()
    {
        float[] values = [1, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 2];
        var counts = HistogramCounts.Of(values);
        Assert.Equal((2, 3), (counts.Count, counts.NotFinite));
        Assert.Equal((1, 2, 3, 5), (counts.Min, counts.Max, counts.Sum, counts.SumOfSquares));
        var told = new WireFields(new SummaryBuilder().Histogram("w", counts).ToBytes())
            .Messages(1);
        Assert.Equal(["w", "w/not_finite"], told.Select(value => value.Text(1)));
        Assert.Equal(3, told[1].Single(2));
        Encoded(HistogramCounts.Of([float.NaN]));
        Encoded(HistogramCounts.Of([]));
    }

    /// <summary>A run counts millions of parameters: no step may make garbage of them.</summary>
    [Fact]
    public void Counting_allocates_nothing()
    {
        var values = Draw(new Random(1));
        var counts = HistogramCounts.Of(values);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 10; round++)
        {
            counts.Add(values);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static WireFields Encoded(HistogramCounts counts)
    {
        var value = new WireFields(new SummaryBuilder().Histogram("w", counts).ToBytes())
            .Messages(1)[0];
        Assert.Equal("histograms", StrictValues.KindOf(value));
        return value.Message(5);
    }

    private static float[] Draw(Random random)
    {
        var values = new float[random.Next(400)];
        foreach (ref var value in values.AsSpan())
        {
            value = random.Next(8) switch
            {
                0 => 0,
                1 => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)),
                2 => (float)Limits[random.Next(1, Limits.Length - 1)],
                _ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-6, 3))),
            };
        }
        return values;
    }

    private static List<double> TensorFlowLimits()
    {
        var limits = new List<double>();
        for (var limit = 1.0e-12; limit < 1.0e20; limit *= 1.1)
        {
            limits.Add(limit);
        }
        limits.Add(double.MaxValue);
        return [.. limits.AsEnumerable().Reverse().Select(limit => -limit), 0, .. limits];
    }
}
