using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// The one binary tree over a run's logical shards. Nodes are numbered as in a heap: the root is 1,
/// the children of node n are 2n and 2n+1, and shard v of V is leaf V+v. A sum that follows this
/// tree has the same bits however its nodes are spread over workers.
/// </summary>
public static class ReductionTree
{
    public const int Root = 1;

    /// <summary>The largest number of logical shards that a run may have.</summary>
    public const int ShardsMax = 1 << 16;

    public static int Leaf(int shardCount, int shard)
    {
        Invariant.Check(int.IsPow2(shardCount), "the number of logical shards is a power of two");
        Invariant.Check(shard >= 0 && shard < shardCount, "a shard lies within its run's shards");
        return shardCount + shard;
    }

    public static int Parent(int node) => node >> 1;

    public static bool AreSiblings(int left, int right) => (left & 1) == 0 && right == left + 1;

    /// <summary>
    /// The fewest nodes whose leaves are exactly the shards of <paramref name="range"/>, from left
    /// to right: what a worker can add up alone without leaving the tree.
    /// </summary>
    public static IReadOnlyList<int> Cover(int shardCount, ShardRange range)
    {
        var nodes = new List<int>();
        for (int shard = range.First; shard < range.End; shard++)
        {
            nodes.Add(Leaf(shardCount, shard));
            while (nodes.Count >= 2 && AreSiblings(nodes[^2], nodes[^1]))
            {
                int parent = Parent(nodes[^1]);
                nodes.RemoveRange(nodes.Count - 2, 2);
                nodes.Add(parent);
            }
        }

        return nodes;
    }
}
