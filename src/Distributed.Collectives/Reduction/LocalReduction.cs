namespace Distributed.Collectives.Reduction;

/// <summary>
/// Adds the vector in buffer <paramref name="Source"/> to the one in <paramref name="Target"/>.
/// </summary>
public readonly record struct VectorAdd(int Target, int Source);

/// <summary>
/// Where a worker puts the gradient of one of its shards, and which of its buffers it then adds
/// together.
/// </summary>
public sealed record ShardWork(int Shard, int Buffer, IReadOnlyList<VectorAdd> Adds);

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
    public static LocalReduction Exact(int shardCount, ShardRange range)
    {
        var work = new List<ShardWork>();
        var stack = new List<(int Node, int Buffer)>();
        var free = new SortedSet<int>();
        int bufferCount = 0;
        for (int shard = range.First; shard < range.End; shard++)
        {
            if (free.Count == 0)
                free.Add(bufferCount++);
            int buffer = free.Min;
            free.Remove(buffer);
            stack.Add((ReductionTree.Leaf(shardCount, shard), buffer));
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

            work.Add(new ShardWork(shard, buffer, adds));
        }

        return new LocalReduction(
            work, [.. stack.Select(entry => entry.Node)], [.. stack.Select(entry => entry.Buffer)],
            bufferCount);
    }

    /// <summary>
    /// Adds shard after shard into one buffer: cheaper to send, but bits follow the map.
    /// </summary>
    public static LocalReduction Fast(int shardCount, ShardRange range)
    {
        var work = new List<ShardWork>();
        for (int shard = range.First; shard < range.End; shard++)
        {
            bool first = shard == range.First;
            work.Add(new ShardWork(shard, first ? 0 : 1, first ? [] : [new VectorAdd(0, 1)]));
        }

        int leaf = ReductionTree.Leaf(shardCount, range.First);
        return new LocalReduction(work, [leaf], [0], range.Count > 1 ? 2 : 1);
    }
}
