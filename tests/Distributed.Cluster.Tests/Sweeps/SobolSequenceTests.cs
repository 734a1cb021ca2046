using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>The sequence is Sobol's, and spreads more evenly than random points.</summary>
public sealed class SobolSequenceTests
{
    /// <summary>Published with the direction numbers, in natural order.</summary>
    [Fact]
    public void ItsFirstPointsAreThePublishedOnes()
    {
        var sequence = new SobolSequence(3, 0);
        double[][] points = [.. Enumerable.Range(0, 8).Select(number => new double[]
        {
            sequence.Unscrambled((uint)number, 0) / 4294967296.0,
            sequence.Unscrambled((uint)number, 1) / 4294967296.0,
            sequence.Unscrambled((uint)number, 2) / 4294967296.0,
        })];
        double[][] expected =
        [
            [0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0.75, 0.75], [0.75, 0.25, 0.25],
            [0.125, 0.625, 0.375], [0.625, 0.125, 0.875], [0.375, 0.375, 0.625],
            [0.875, 0.875, 0.125],
        ];
        Assert.Equal(expected, points);
    }

    [Fact]
    public void InEachDimensionEachOf256IntervalsHasOneOf256Points()
    {
        var sequence = new SobolSequence(SobolSequence.DimensionsMax, 7);
        for (int dimension = 0; dimension < SobolSequence.DimensionsMax; dimension++)
        {
            Assert.Equal(
                Enumerable.Range(0, 256),
                Enumerable.Range(0, 256).Select(number =>
                    (int)(sequence.Coordinate((uint)number, dimension) * 256)).Order());
        }
    }

    /// <summary>The first two dimensions are a (0, 2)-sequence: so is every scrambling.</summary>
    [Fact]
    public void EachElementaryRectangleHasOnePoint()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var sequence = new SobolSequence(2, seed);
            for (int wide = 1; wide <= 64; wide *= 2)
            {
                int high = 64 / wide;
                var cells = Enumerable.Range(0, 64).Select(number => (
                    (int)(sequence.Coordinate((uint)number, 0) * wide),
                    (int)(sequence.Coordinate((uint)number, 1) * high)));
                Assert.Equal(64, cells.Distinct().Count());
            }
        }
    }

    [Fact]
    public void ItsStarDiscrepancyIsBelowThatOfRandomPoints()
    {
        double Median(SamplerSpec spec) => SweepSpaces.Median(Enumerable.Range(0, 20).Select(seed =>
        {
            ISampler sampler = Samplers.Create(spec, SweepSpaces.Cube(2), (ulong)seed, 1);
            return StarDiscrepancy([.. Enumerable.Range(0, 64).Select(
                number => SweepSpaces.Numbers(sampler.Suggest(number, []).Parameters))]);
        }));
        Assert.InRange(Median(new SobolSpec()), 0, Median(new RandomSpec()) / 2);
    }

    /// <summary>Over the boxes whose corners have coordinates of points.</summary>
    private static double StarDiscrepancy(double[][] points)
    {
        double worst = 0;
        foreach (double right in points.Select(point => point[0]).Append(1))
        {
            foreach (double top in points.Select(point => point[1]).Append(1))
            {
                double open = points.Count(point => point[0] < right && point[1] < top);
                double closed = points.Count(point => point[0] <= right && point[1] <= top);
                worst = Math.Max(worst, (right * top) - (open / points.Length));
                worst = Math.Max(worst, (closed / points.Length) - (right * top));
            }
        }
        return worst;
    }
}
