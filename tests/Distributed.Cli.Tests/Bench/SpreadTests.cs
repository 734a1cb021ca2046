using Distributed.Cli.Bench;

namespace Distributed.Cli.Tests.Bench;

/// <summary>
/// Percentiles are nearest ranks: a value that was measured, of which the share is not above it.
/// </summary>
public sealed class SpreadTests
{
    [Fact]
    public void OneMeasurementIsAllOfIt() =>
        Assert.Equal(new Spread(7, 7, 7), Spread.Of([7.0]));

    [Fact]
    public void TenMeasurementsInAnyOrder() => Assert.Equal(
        new Spread(Median: 5, P10: 1, P90: 9),
        Spread.Of([10.0, 3, 1, 9, 5, 7, 2, 8, 4, 6]));

    [Fact]
    public void AnUnevenNumberHasItsMiddle() => Assert.Equal(
        new Spread(Median: 20, P10: 10, P90: 30), Spread.Of([30.0, 10, 20]));

    [Fact]
    public void AHundredMeasurements() => Assert.Equal(
        new Spread(50, 10, 90), Spread.Of(Enumerable.Range(1, 100).Select(value => (double)value)));

    [Fact]
    public void NoneHasNoSpread() => Assert.Throws<ArgumentException>(() => Spread.Of([]));
}
