using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>Whether a sum keeps to the run's tree or may follow the order of the ranks.</summary>
public enum ReductionOrder
{
    Exact,
    Fast,
}

/// <summary>
/// How the nodes of all ranks of a generation become one sum: the nodes in slots from left to
/// right, then the additions that whoever reduces a slice performs, in order. Slot 0 ends up with
/// the sum.
/// </summary>
public sealed class ReductionPlan
{
    private readonly ReductionOrder order;

    private ReductionPlan(
        ShardMap map, ReductionOrder order, IReadOnlyList<LocalReduction> locals,
        IReadOnlyList<VectorAdd> adds)
    {
        this.order = order;
        Map = map;
        Locals = locals;
        Adds = adds;
        FirstSlots = new int[locals.Count];
        for (int rank = 1; rank < locals.Count; rank++)
            FirstSlots[rank] = FirstSlots[rank - 1] + locals[rank - 1].Nodes.Count;
        SlotCount = FirstSlots[^1] + locals[^1].Nodes.Count;
    }

    public ShardMap Map { get; }

    /// <summary>What each rank does alone, in rank order.</summary>
    public IReadOnlyList<LocalReduction> Locals { get; }

    /// <summary>The additions over slots.</summary>
    public IReadOnlyList<VectorAdd> Adds { get; }

    /// <summary>The slot of each rank's first node.</summary>
    internal int[] FirstSlots { get; }

    internal int SlotCount { get; }

    public static ReductionPlan Create(ShardMap map, ReductionOrder order)
    {
        var locals = new List<LocalReduction>();
        foreach (ShardRange range in map.Ranges)
            locals.Add(Local(map, order, range, shardsAtOnceMax: 1));
        int[] nodes = [.. locals.SelectMany(local => local.Nodes)];
        return new ReductionPlan(
            map, order, locals,
            order == ReductionOrder.Exact ? TreeAdds(nodes) : RankAdds(nodes));
    }

    /// <summary>
    /// What a rank does alone where it computes several shards in one go: fewer steps to the same
    /// nodes, in the same buffers.
    /// </summary>
    public LocalReduction Grouped(int rank, int shardsAtOnceMax)
    {
        LocalReduction grouped = Local(Map, order, Map.Ranges[rank], shardsAtOnceMax);
        Invariant.Check(
            grouped.Nodes.SequenceEqual(Locals[rank].Nodes)
                && grouped.NodeBuffers.SequenceEqual(Locals[rank].NodeBuffers),
            "computing shards together leaves a rank's nodes where they are");
        return grouped;
    }

    private static LocalReduction Local(
        ShardMap map, ReductionOrder order, ShardRange range, int shardsAtOnceMax) =>
        order == ReductionOrder.Exact
            ? LocalReduction.Exact(map.ShardCount, range, shardsAtOnceMax)
            : LocalReduction.Fast(map.ShardCount, range, shardsAtOnceMax);

    private static List<VectorAdd> TreeAdds(int[] nodes)
    {
        var adds = new List<VectorAdd>();
        var stack = new List<(int Node, int Slot)>();
        for (int slot = 0; slot < nodes.Length; slot++)
        {
            stack.Add((nodes[slot], slot));
            while (stack.Count >= 2 && ReductionTree.AreSiblings(stack[^2].Node, stack[^1].Node))
            {
                adds.Add(new VectorAdd(stack[^2].Slot, stack[^1].Slot));
                int parent = ReductionTree.Parent(stack[^1].Node);
                int slotOfParent = stack[^2].Slot;
                stack.RemoveRange(stack.Count - 2, 2);
                stack.Add((parent, slotOfParent));
            }
        }

        Invariant.Check(
            stack.Count == 1 && stack[0] == (ReductionTree.Root, 0),
            "the tree's adds end at its root");
        return adds;
    }

    private static List<VectorAdd> RankAdds(int[] nodes)
    {
        var adds = new List<VectorAdd>();
        for (int slot = 1; slot < nodes.Length; slot++)
            adds.Add(new VectorAdd(0, slot));
        return adds;
    }
}
