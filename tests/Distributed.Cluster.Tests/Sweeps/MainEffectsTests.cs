using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>Effects that are put into figures come out again, and chance is not taken for one.
/// </summary>
public sealed class MainEffectsTests
{
    [Fact]
    public void LevelsThatMeetOthersUnevenlyAreStillTold()
    {
        // Plain means of a would differ by 5: low levels of a mostly meet high ones of b.
        (string, string)[] met = [("x", "2"), ("x", "2"), ("x", "1"), ("y", "1"), ("y", "2")];
        IReadOnlyList<DimensionEffects> effects = MainEffects.Of(
            [.. met.Select(pair => Sample(pair, (pair.Item1 == "x" ? 1 : 2)
                + (pair.Item2 == "2" ? 10 : 0)))])!;

        Assert.Equal(["a", "b"], effects.Select(effect => effect.Name));
        Assert.Equal(1, effects[0].Largest.Estimate, 1e-9);
        Assert.Equal(10, effects[1].Largest.Estimate, 1e-9);
        Assert.Equal([3, 2], effects[0].Levels.Select(level => level.Samples));
        Assert.Equal([6, 7], effects[0].Levels.Select(level => Math.Round(level.Mean.Estimate, 9)));
        Assert.True(effects.All(effect => effect.IsClear));
    }

    [Fact]
    public void TwoLevelsGiveStudentsIntervalOfTheDifference()
    {
        // 1, 2, 3 and 4, 5, 6: pooled variance 1, standard error √(2/3), t(0.975; 4) = 2.7764.
        IReadOnlyList<DimensionEffects> effects = MainEffects.Of(
        [
            .. Enumerable.Range(1, 6).Select(
                number => Sample((number <= 3 ? "low" : "high", "same"), number)),
        ])!;
        Interval largest = Assert.Single(effects).Largest;
        Assert.Equal(3, largest.Estimate, 1e-9);
        Assert.Equal(3 - (2.7764 * Math.Sqrt(2 / 3.0)), largest.Low, 1e-3);
    }

    [Fact]
    public void NoiseIsClearNotMuchMoreOftenThanItMayBe()
    {
        int clear = 0;
        for (ulong seed = 0; seed < 200; seed++)
        {
            IReadOnlyList<DimensionEffects> effects = MainEffects.Of(
            [
                .. Enumerable.Range(0, 27).Select(number => Sample(
                    ($"{number % 3}", $"{number / 3 % 3}"),
                    CounterRandom.UnitDouble(seed, (ulong)number))),
            ])!;
            clear += effects.Count(effect => effect.IsClear);
        }
        Assert.InRange(clear, 1, 400 * 0.05 * 1.5);
    }

    [Fact]
    public void WithoutRoomForChanceNothingIsSaid()
    {
        Assert.Null(MainEffects.Of([]));
        Assert.Null(MainEffects.Of([Sample(("x", "1"), 1), Sample(("y", "1"), 2)]));
        // Both always change together.
        Assert.Null(MainEffects.Of(
        [
            .. Enumerable.Range(0, 8).Select(
                number => Sample(($"{number % 2}", $"{number % 2}"), number)),
        ]));
    }

    private static ParameterSample Sample((string A, string B) levels, double figure) => new(
        [new ParameterValue("a", levels.A), new ParameterValue("b", levels.B)], figure);
}
