namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: batch norm uses its shard's statistics, reports them, and changes its running ones only
/// when the reduced statistics come back.
/// </summary>
public sealed class StatisticsTests
{
    private const string NormFirst = """
        input channels=2 height=3 width=3
        batchnorm name=bn channels=2 eps=1e-05 momentum=0.25
        flatten
        linear name=fc in=18 out=3
        """;

    /// <summary>
    /// The reported mean and unbiased variance are the images' own, times the weight.
    /// </summary>
    [Theory]
    [InlineData(1.0)]
    [InlineData(0.125)]
    public void TheShardsOwnStatisticsAreReported(double weight)
    {
        using var bench = new Bench(NormFirst, samples: 5, ElementType.Float64);
        bench.Step(statisticsWeight: weight);
        for (var channel = 0; channel < 2; channel++)
        {
            var values = bench.Images
                .Where((_, index) => index / 9 % 2 == channel).Select(x => (double)x).ToArray();
            var mean = values.Average();
            var variance = values.Sum(x => (x - mean) * (x - mean)) / (values.Length - 1);
            Assert.Equal(weight * mean, Reported(bench, 0, channel), 1e-12);
            Assert.Equal(weight * variance, Reported(bench, 1, channel), 1e-12);
        }
    }

    /// <summary>
    /// A step leaves the running statistics; the update blends with the momentum.
    /// </summary>
    [Fact]
    public void OnlyAnUpdateChangesRunningStatistics()
    {
        using var bench = new Bench(NormFirst, samples: 5, ElementType.Float64);
        var before = bench.ReadAll(bench.Statistics, 0, bench.Model.StatisticsLength);
        bench.Step();
        Assert.Equal(before, bench.ReadAll(bench.Statistics, 0, bench.Model.StatisticsLength));
        bench.Model.UpdateStatistics(bench.Gradients);
        foreach (var (tensor, index) in bench.Model.Statistics.Select((t, i) => (t, i)))
        {
            for (var channel = 0; channel < 2; channel++)
            {
                var expected = 0.75 * before[tensor.Offset + channel]
                    + 0.25 * Reported(bench, index, channel);
                Assert.Equal(
                    expected, bench.Read(bench.Statistics, tensor.Offset + channel), 1e-14);
            }
        }
    }

    [Fact]
    public void NamesAndShapesArePyTorchs()
    {
        using var bench = new Bench(NormFirst);
        Assert.Equal(["bn.running_mean", "bn.running_var"],
            bench.Model.Statistics.Select(tensor => tensor.Name));
        Assert.All(bench.Model.Statistics, tensor => Assert.Equal([2], tensor.Shape));
        Assert.Equal(["bn.weight", "bn.bias", "fc.weight", "fc.bias"],
            bench.Model.Parameters.Select(tensor => tensor.Name));
        Assert.Equal([3, 18], bench.Model.Parameters[2].Shape);
    }

    /// <summary>One value a channel has no spread: the variance is 0 and nothing is NaN.</summary>
    [Fact]
    public void ASingleValueHasNoSpread()
    {
        using var bench = new Bench("""
            input channels=3 height=1 width=1
            batchnorm name=bn channels=3
            linear name=fc in=3 out=2
            """, samples: 1);
        Assert.True(double.IsFinite(bench.Step().LossSum));
        for (var channel = 0; channel < 3; channel++)
        {
            Assert.Equal(bench.Images[channel], Reported(bench, 0, channel), 1e-6);
            Assert.Equal(0, Reported(bench, 1, channel));
        }
        Assert.All(bench.Gradients.AsSpan<float>().ToArray(), x => Assert.True(float.IsFinite(x)));
    }

    private static double Reported(Bench bench, int statistic, int channel) => bench.Read(
        bench.Gradients,
        bench.Model.ParameterLength + bench.Model.Statistics[statistic].Offset + channel);
}
