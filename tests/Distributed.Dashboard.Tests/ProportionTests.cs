using Distributed.Dashboard.Reports;

namespace Distributed.Dashboard.Tests;

/// <summary>Figures and how they are written.</summary>
public sealed class ProportionTests
{
    /// <summary>
    /// The bounds are the shares q at which (p − q)² = z² q (1 − q) / n: solved apart, as roots of
    /// that equation.
    /// </summary>
    [Theory]
    [InlineData(9093, 10000, 0.903513, 0.914773)]
    [InlineData(0, 10, 0, 0.277533)]
    [InlineData(10, 10, 0.722467, 1)]
    [InlineData(1, 2, 0.094531, 0.905469)]
    public void WilsonsIntervalIsTheTextbooks(int right, int samples, double low, double high)
    {
        var proportion = Proportion.Wilson95(right, samples);
        Assert.Equal(low, proportion.Low, 6);
        Assert.Equal(high, proportion.High, 6);
        Assert.Equal((double)right / samples, proportion.Share);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "1")]
    [InlineData(-2.5, "-2.5")]
    [InlineData(0.00012345, "0.0001235")]
    [InlineData(0.000012345, "1.235e-5")]
    [InlineData(3.14159, "3.142")]
    [InlineData(31.4159, "31.42")]
    [InlineData(99.999, "100")]
    [InlineData(1234567, "1,234,567")]
    [InlineData(double.NaN, "–")]
    public void FourDigitsAreEnough(double value, string expected) =>
        Assert.Equal(expected, ReportNumbers.Show(value));
}
