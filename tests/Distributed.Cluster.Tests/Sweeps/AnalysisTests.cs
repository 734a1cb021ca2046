using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>Figures as tables and textbooks give them, and known shares of variance.</summary>
public sealed class AnalysisTests
{
    [Fact]
    public void ImportancesAreTheSharesOfVariance()
    {
        // The variances of 3a + b are 9 to 1.
        Importances found = Importances(SweepSpaces.Cube(3), 200, parameters =>
        {
            double[] x = SweepSpaces.Numbers(parameters);
            return (3 * x[0]) + x[1];
        });
        Assert.Equal(0.9, found.Dimensions[0].Share, 0.03);
        Assert.Equal(0.1, found.Dimensions[1].Share, 0.03);
        Assert.Equal(0, found.Dimensions[2].Share, 0.01);
        AssertSumOfShares(found);
    }

    [Fact]
    public void WhatTwoDimensionsDoTogetherIsTheirPairs()
    {
        // The variance of ab is 7/144: 3/144 for each alone and 1/144 for both together.
        Importances found = Importances(SweepSpaces.Cube(3), 400, parameters =>
        {
            double[] x = SweepSpaces.Numbers(parameters);
            return x[0] * x[1];
        });
        Assert.Equal(["x0 x1", "x0 x2", "x1 x2"], found.Pairs.Select(
            pair => $"{pair.First} {pair.Second}"));
        Assert.Equal(3 / 7.0, found.Dimensions[0].Share, 0.05);
        Assert.Equal(3 / 7.0, found.Dimensions[1].Share, 0.05);
        Assert.Equal(1 / 7.0, found.Pairs[0].Share, 0.05);
        Assert.Equal(0, found.Pairs[1].Share + found.Pairs[2].Share, 0.02);
        AssertSumOfShares(found);
    }

    [Fact]
    public void AConditionalDimensionCountsWhereItIs()
    {
        // f = x where the choice is "with", else 0.5: x alone has (1/3)² / 12, the choice nothing,
        // and the pair the rest of 1/36.
        var space = new SearchSpace(
        [
            new ChoiceDimension("choice", [], ["with", "without", "neither"]),
            new RealDimension("x", [new("choice", ["with"])], 1, 100, null, true),
            new RealDimension("noise", [], 0, 1, null, false),
        ]);
        Importances found = Importances(space, 400, parameters => parameters[0].Text == "with"
            ? ParameterScale.PositionOf(space.Dimensions[1], parameters[1].Text) : 0.5);
        Assert.Equal(0, found.Dimensions[0].Share, 0.03);
        Assert.Equal(1 / 3.0, found.Dimensions[1].Share, 0.05);
        Assert.Equal(0, found.Dimensions[2].Share, 0.03);
        Assert.Equal(2 / 3.0, found.Pairs[0].Share, 0.05);
        AssertSumOfShares(found);
    }

    [Fact]
    public void OptionsCountByWhatTheyDo()
    {
        // Means of 0, 1 and 5 have a variance of 14/3; b adds 4/3 · 1 with values 0, 1, 2, 3, 4.
        var space = new SearchSpace(
        [
            new ChoiceDimension("a", [], ["zero", "one", "five"]),
            new IntegerDimension("b", [], 0, 4, 1, false),
            new ChoiceDimension("c", [], ["yes", "no"]),
        ]);
        Importances found = Importances(space, 30, parameters =>
            parameters[0].Text switch { "zero" => 0, "one" => 1, _ => 5 }
                + SweepSpaces.Numbers([parameters[1]])[0]);
        Assert.Equal(14 / 20.0, found.Dimensions[0].Share, 0.07);
        Assert.Equal(6 / 20.0, found.Dimensions[1].Share, 0.07);
        Assert.Equal(0, found.Dimensions[2].Share, 0.02);
    }

    [Fact]
    public void ImportanceIsAPureFunctionAndNeedsSomethingToExplain()
    {
        SearchSpace space = SweepSpaces.Cube(2);
        ParameterSample[] samples = Samples(
            space, 50, parameters => SweepSpaces.Numbers(parameters)[0]);
        Assert.Equal(
            ParameterImportance.Of(space, samples, 1)!.Dimensions,
            ParameterImportance.Of(space, samples, 1)!.Dimensions);
        Assert.Null(ParameterImportance.Of(space, samples[..3], 1));
        Assert.Null(ParameterImportance.Of(
            space, [.. samples.Select(sample => sample with { Loss = 2 })], 1));
        ParameterSample[] withFailures =
            [.. samples, .. samples.Select(sample => sample with { Loss = double.NaN })];
        Assert.Equal(
            ParameterImportance.Of(space, samples, 1)!.Dimensions,
            ParameterImportance.Of(space, withFailures, 1)!.Dimensions);
    }

    [Fact]
    public void TheFrontIsWhatNothingBeats()
    {
        double[][] points =
            [[1, 5], [2, 2], [3, 3], [5, 1], [2, 2], [double.NaN, 0], [1, 6], [0, 9]];
        Assert.Equal([0, 1, 3, 4, 7], ParetoFront.Indices(points));
        Assert.Empty(ParetoFront.Indices([]));
        // The ends of the front before its middle, then those behind.
        IReadOnlyList<int> order = ParetoFront.BestFirst(
            [[1, 5], [2, 2], [3, 3], [5, 1], [1, 6], [0, 9]]);
        Assert.Equal([3, 5], order.Take(2).Order());
        Assert.Equal([0, 1], order.Skip(2).Take(2).Order());
        Assert.Equal([2, 4], order.Skip(4).Order());
    }

    [Theory]
    [InlineData(0.05, 1, 12.7062)]
    [InlineData(0.05, 4, 2.77645)]
    [InlineData(0.05, 30, 2.04227)]
    [InlineData(0.01, 10, 3.16927)]
    [InlineData(0.05, 100_000, 1.95999)]
    public void StudentsQuantilesAreThoseOfTheTables(double twoSided, int freedom, double distance)
    {
        Assert.Equal(distance, StudentT.Distance(twoSided, freedom), 1e-4);
        Assert.Equal(twoSided, StudentT.TwoSided(distance, freedom), 1e-5);
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1.959963984540054, 0.975)]
    [InlineData(-3, 0.0013498980316301)]
    [InlineData(-8, 6.220960574271785e-16)]
    public void TheNormalDistributionIsThatOfTheTables(double x, double p)
    {
        Assert.Equal(1, Normal.Cdf(x) / p, 1e-7);
        Assert.Equal(x, Normal.Quantile(p), 1e-7);
    }

    [Fact]
    public void IntervalsAreThoseOfTheTextbook()
    {
        // A mean of 3 and a deviation of sqrt(2.5): 3 ± 2.77645 · sqrt(2.5 / 5).
        Interval mean = Confidence.OfMean([1, 2, 3, 4, 5])!;
        Assert.Equal(3, mean.Estimate);
        Assert.Equal(1.03676, mean.Low, 1e-4);
        Assert.Equal(4.96324, mean.High, 1e-4);
        Assert.Null(Confidence.OfMean([1]));

        Interval share = Confidence.OfShare(8, 10)!;
        Assert.Equal(0.4902, share.Low, 1e-4);
        Assert.Equal(0.9433, share.High, 1e-4);
        Interval all = Confidence.OfShare(10, 10)!;
        Assert.Equal(0.7225, all.Low, 1e-4);
        Assert.Equal(1, all.High);
        Assert.Null(Confidence.OfShare(0, 0));
    }

    [Fact]
    public void PairsSeeWhatTheScatterOfEachHides()
    {
        // Student's own sleep data of 1908: a mean difference of -1.58, t = -4.0621, p = 0.002833.
        double[] first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        double[] second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        PairedComparison found = Confidence.OfPairs(first, second)!;
        Assert.Equal(10, found.Pairs);
        Assert.Equal(-1.58, found.Difference.Estimate, 1e-9);
        Assert.Equal(-2.4598858, found.Difference.Low, 1e-6);
        Assert.Equal(-0.7001142, found.Difference.High, 1e-6);
        Assert.Equal(0.002833, found.Probability, 1e-6);
        Assert.True(found.IsSignificant);
        Assert.False(Confidence.OfPairs([1, 2], [2, 1])!.IsSignificant);
        Assert.Equal(1, Confidence.OfPairs([1, 2], [1, 2])!.Probability);
    }

    private static Importances Importances(
        SearchSpace space, int count, Func<IReadOnlyList<ParameterValue>, double> loss) =>
        ParameterImportance.Of(space, Samples(space, count, loss), 7, withPairs: true)!;

    private static ParameterSample[] Samples(
        SearchSpace space, int count, Func<IReadOnlyList<ParameterValue>, double> loss)
    {
        ISampler sampler = Samplers.Create(new RandomSpec(), space, 3, 1);
        return [.. SweepSpaces.Run(sampler, count, loss).Select(
            one => new ParameterSample(one.Parameters, one.Losses[0]))];
    }

    private static void AssertSumOfShares(Importances found)
    {
        double sum = found.Dimensions.Sum(one => one.Share) + found.Pairs.Sum(one => one.Share);
        Assert.InRange(sum, 0.8, 1 + 1e-9);
    }
}
