namespace Distributed.Collectives.Reduction;

/// <summary>
/// Adds the vector in buffer <paramref name="Source"/> to the one in <paramref name="Target"/>.
/// </summary>
public readonly record struct VectorAdd(int Target, int Source);

/// <summary>
/// Where a worker puts the gradient of some of its shards, and which of its buffers it then adds
/// together.
/// </summary>
/// <param name="Shard">The first of the shards.</param>
/// <param name="Count">How many: a whole subtree, whose sum is computed in one go.</param>
/// <param name="Buffer">For the sum.</param>
/// <param name="Adds">In order.</param>
public sealed record ShardWork(int Shard, int Count, int Buffer, IReadOnlyList<VectorAdd> Adds)
{
    public int End => Shard + Count;
}

/// <summary>
/// How one rank works through its shards: in order, with as few buffers as the tree allows. When it
/// is through, <see cref="NodeBuffers"/> says which buffer holds which node of the tree.
/// </summary>
public sealed class LocalReduction
{
    private LocalReduction(
        IReadOnlyList<ShardWork> shards, IReadOnlyList<int> nodes, IReadOnlyList<int> nodeBuffers,
        int bufferCount)
    {
        Shards = shards;
        Nodes = nodes;
        NodeBuffers = nodeBuffers;
        BufferCount = bufferCount;
    }

    public IReadOnlyList<ShardWork> Shards { get; }

    /// <summary>The tree nodes that this rank contributes, from left to right.</summary>
    public IReadOnlyList<int> Nodes { get; }

    /// <summary>The buffer of each of <see cref="Nodes"/>.</summary>
    public IReadOnlyList<int> NodeBuffers { get; }

    public int BufferCount { get; }

    /// <summary>
    /// Adds along the run's tree only, so that the sum does not depend on the range.
    /// </summary>
    /// <param name="shardCount">Of the run.</param>
    /// <param name="range">The rank's.</param>
    /// <param name="shardsAtOnceMax">The most that the rank computes in one go. It changes neither
    /// the sum nor where it ends up.</param>
    public static LocalReduction Exact(int shardCount, ShardRange range, int shardsAtOnceMax = 1)
    {
        var work = new List<ShardWork>();
        var stack = new List<(int Node, int Buffer)>();
        var free = new SortedSet<int>();
        int bufferCount = 0;
        for (int shard = range.First; shard < range.End;)
        {
            if (free.Count == 0)
                free.Add(bufferCount++);
            int buffer = free.Min;
            free.Remove(buffer);
            int count = SubtreeAt(shard, range.End, shardsAtOnceMax);
            stack.Add((SubtreeRoot(shardCount, shard, count), buffer));
            var adds = new List<VectorAdd>();
            while (stack.Count >= 2 && ReductionTree.AreSiblings(stack[^2].Node, stack[^1].Node))
            {
                (int node, int source) = stack[^1];
                int target = stack[^2].Buffer;
                adds.Add(new VectorAdd(target, source));
                free.Add(source);
                stack.RemoveRange(stack.Count - 2, 2);
                stack.Add((ReductionTree.Parent(node), target));
            }

            work.Add(new ShardWork(shard, count, buffer, adds));
            shard += count;
        }

        return new LocalReduction(
            work, [.. stack.Select(entry => entry.Node)], [.. stack.Select(entry => entry.Buffer)],
            bufferCount);
    }

    /// <summary>
    /// Adds part after part into one buffer: cheaper to send, but bits follow the map.
    /// </summary>
    public static LocalReduction Fast(int shardCount, ShardRange range, int shardsAtOnceMax = 1)
    {
        var work = new List<ShardWork>();
        for (int shard = range.First; shard < range.End; shard = work[^1].End)
        {
            int count = SubtreeAt(shard, range.End, shardsAtOnceMax);
            bool first = shard == range.First;
            work.Add(
                new ShardWork(shard, count, first ? 0 : 1, first ? [] : [new VectorAdd(0, 1)]));
        }

        int leaf = ReductionTree.Leaf(shardCount, range.First);
        return new LocalReduction(work, [leaf], [0], work.Count > 1 ? 2 : 1);
    }

    /// <summary>The shards of the largest subtree that begins with a shard and fits.</summary>
    private static int SubtreeAt(int shard, int end, int shardsMax)
    {
        int count = 1;
        while (shard % (2 * count) == 0 && shard + (2 * count) <= end && 2 * count <= shardsMax)
            count *= 2;
        return count;
    }

    private static int SubtreeRoot(int shardCount, int shard, int count)
    {
        int node = ReductionTree.Leaf(shardCount, shard);
        for (; count > 1; count /= 2)
            node = ReductionTree.Parent(node);
        return node;
    }
}
