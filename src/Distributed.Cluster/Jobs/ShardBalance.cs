using Distributed.Collectives.Reduction;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// Spreads logical shards over ranks by their speed. A step is as long as its slowest rank, so that
/// is what is made short; the result of a step does not depend on the spread.
/// </summary>
internal static class ShardBalance
{
    /// <param name="shardCount">How many shards there are; at least one for each rank.</param>
    /// <param name="secondsPerShard">By rank: how long it takes for one; all positive.</param>
    public static ShardMap Spread(int shardCount, IReadOnlyList<double> secondsPerShard)
    {
        Invariant.Check(secondsPerShard.Count <= shardCount, "every rank gets a shard");
        int[] counts = new int[secondsPerShard.Count];
        Array.Fill(counts, 1);
        // One by one to whoever would still be first to finish: the least possible maximum.
        for (int shard = counts.Length; shard < shardCount; shard++)
        {
            int best = 0;
            for (int rank = 1; rank < counts.Length; rank++)
            {
                if ((counts[rank] + 1) * secondsPerShard[rank]
                    < (counts[best] + 1) * secondsPerShard[best])
                    best = rank;
            }

            counts[best]++;
        }

        var ranges = new ShardRange[counts.Length];
        int next = 0;
        for (int rank = 0; rank < counts.Length; rank++)
        {
            ranges[rank] = new ShardRange(next, next + counts[rank]);
            next += counts[rank];
        }

        return new ShardMap(shardCount, ranges);
    }

    /// <summary>
    /// Why shards should move: the slowest rank's time would fall by at least that share. Null
    /// where they should stay.
    /// </summary>
    public static string? Imbalance(
        Generation current, int shardCount, IReadOnlyList<double> secondsPerShard, double leastGain)
    {
        if (leastGain <= 0)
            return null;
        ShardMap better = Spread(shardCount, secondsPerShard);
        double now = 0;
        double then = 0;
        int slowest = 0;
        for (int rank = 0; rank < secondsPerShard.Count; rank++)
        {
            double seconds = current.Ranks[rank].Shards.Count * secondsPerShard[rank];
            slowest = seconds > now ? rank : slowest;
            now = Math.Max(now, seconds);
            then = Math.Max(then, better.Ranges[rank].Count * secondsPerShard[rank]);
        }

        double gain = (now - then) / now;
        return gain < leastGain
            ? null
            : $"{current.Ranks[slowest].Worker.Name} is slow: moving shards shortens a step by "
                + $"{gain * 100:0} %";
    }
}
