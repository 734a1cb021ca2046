using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Which contiguous range of logical shards each rank of a generation computes. The map may change
/// from one generation to the next without changing any result.
/// </summary>
public sealed class ShardMap
{
    public ShardMap(int shardCount, IReadOnlyList<ShardRange> ranges)
    {
        Invariant.Check(int.IsPow2(shardCount), "the number of logical shards is a power of two");
        Invariant.Check(ranges.Count > 0, "a generation has at least one rank");
        int next = 0;
        foreach (ShardRange range in ranges)
        {
            Invariant.Check(
                range.First == next && range.Count > 0, "ranges tile the shards in order");
            next = range.End;
        }

        Invariant.Check(next == shardCount, "ranges cover every shard");
        ShardCount = shardCount;
        Ranges = ranges;
    }

    public int ShardCount { get; }

    /// <summary>The range of each rank, in rank order.</summary>
    public IReadOnlyList<ShardRange> Ranges { get; }

    public int RankCount => Ranges.Count;

    /// <summary>
    /// Spreads the shards as evenly as whole shards allow. Where there are more workers than
    /// shards, only as many ranks exist as there are shards; the others are hot spares.
    /// </summary>
    public static ShardMap Even(int shardCount, int workerCount)
    {
        Invariant.Check(workerCount > 0, "a map needs a worker");
        int ranks = Math.Min(shardCount, workerCount);
        var ranges = new ShardRange[ranks];
        int next = 0;
        for (int rank = 0; rank < ranks; rank++)
        {
            int count = shardCount / ranks + (rank < shardCount % ranks ? 1 : 0);
            ranges[rank] = new ShardRange(next, next + count);
            next += count;
        }

        return new ShardMap(shardCount, ranges);
    }
}
