using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>Shards follow speed: the slowest rank is as fast as whole shards allow.</summary>
public sealed class ShardBalanceTests
{
    [Property(MaxTest = 300)]
    public Property NoOtherSpreadHasAFasterSlowestRank() => Prop.ForAll(
        Gen.Choose(1, 4).SelectMany(ranks => Gen.Choose(1, 100).ArrayOf(ranks)).ToArbitrary(),
        speeds =>
        {
            double[] seconds = [.. speeds.Select(speed => speed / 10.0)];
            ShardMap map = ShardBalance.Spread(8, seconds);
            return Slowest([.. map.Ranges.Select(range => range.Count)], seconds)
                == AllSpreads(8, seconds.Length).Min(counts => Slowest(counts, seconds));
        });

    [Fact]
    public void EquallyFastRanksGetEqualShares()
    {
        ShardMap map = ShardBalance.Spread(8, [0.5, 0.5, 0.5, 0.5]);
        Assert.All(map.Ranges, range => Assert.Equal(2, range.Count));
    }

    [Theory]
    [InlineData(1.0, 0.15, false)]
    [InlineData(1.3, 0.15, false)]
    [InlineData(3.0, 0.15, true)]
    [InlineData(3.0, 0.0, false)]
    [InlineData(3.0, 0.9, false)]
    public void ShardsMoveForAGainThatIsWorthIt(double slowness, double leastGain, bool moves)
    {
        string? reason = ShardBalance.Imbalance(TwoRanks(), 8, [1.0, slowness], leastGain);

        Assert.Equal(moves, reason is not null);
        if (moves)
            Assert.StartsWith("w1 is slow", reason, StringComparison.Ordinal);
    }

    private static Generation TwoRanks() => new(
        1, 1,
        [
            new(0, Worker("w0", 1), new ShardRange(0, 4)),
            new(1, Worker("w1", 2), new ShardRange(4, 8)),
        ],
        new StartPoint(0, 0, 0, ""));

    private static WorkerIdentity Worker(string name, ulong incarnation) =>
        new(name, incarnation, "host", 1, $"{name}:1", []);

    private static double Slowest(int[] counts, double[] seconds) =>
        counts.Select((count, rank) => count * seconds[rank]).Max();

    private static IEnumerable<int[]> AllSpreads(int shards, int ranks)
    {
        if (ranks == 1)
            return [[shards]];
        return Enumerable.Range(1, shards - ranks + 1).SelectMany(
            first => AllSpreads(shards - first, ranks - 1).Select(
                rest => (int[])[first, .. rest]));
    }
}
