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
    private ReductionPlan(
        ShardMap map, ReductionOrder order, IReadOnlyList<LocalReduction> locals,
        IReadOnlyList<VectorAdd> adds)
    {
        Order = order;
        Map = map;
        Locals = locals;
        Adds = adds;
        FirstSlots = new int[locals.Count];
        for (int rank = 1; rank < locals.Count; rank++)
            FirstSlots[rank] = FirstSlots[rank - 1] + locals[rank - 1].Nodes.Count;
        SlotCount = FirstSlots[^1] + locals[^1].Nodes.Count;
    }

    public ShardMap Map { get; }

    public ReductionOrder Order { get; }

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
            order == ReductionOrder.Exact ? TreeAdds(nodes) : SlotAdds.InOrder(nodes).Adds);
    }

    /// <summary>
    /// What a rank does alone where it computes several shards in one go: fewer steps to the same
    /// nodes, in the same buffers.
    /// </summary>
    public LocalReduction Grouped(int rank, int shardsAtOnceMax)
    {
        LocalReduction grouped = Local(Map, Order, Map.Ranges[rank], shardsAtOnceMax);
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

    private static IReadOnlyList<VectorAdd> TreeAdds(int[] nodes)
    {
        SlotAdds adds = SlotAdds.InTree(nodes);
        Invariant.Check(
            adds.Nodes.SequenceEqual([ReductionTree.Root]), "the tree's adds end at its root");
        return adds.Adds;
    }
}
