namespace Distributed.Collectives.Reduction;

/// <summary>Additions over a row of neighbouring tree nodes, each in a slot of its own.</summary>
/// <param name="Adds">In order, each into the slot to the left.</param>
/// <param name="Slots">Those that hold what is left in the end, from left to right.</param>
/// <param name="Nodes">Which node each of them then holds.</param>
internal sealed record SlotAdds(
    IReadOnlyList<VectorAdd> Adds, IReadOnlyList<int> Slots, IReadOnlyList<int> Nodes)
{
    /// <summary>Adds siblings as long as there are any: never leaves the tree.</summary>
    public static SlotAdds InTree(IReadOnlyList<int> nodes)
    {
        var adds = new List<VectorAdd>();
        var stack = new List<(int Node, int Slot)>();
        for (int slot = 0; slot < nodes.Count; slot++)
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

        return new SlotAdds(
            adds, [.. stack.Select(entry => entry.Slot)], [.. stack.Select(entry => entry.Node)]);
    }

    /// <summary>Adds all to the first.</summary>
    public static SlotAdds InOrder(IReadOnlyList<int> nodes) => new(
        [.. Enumerable.Range(1, nodes.Count - 1).Select(slot => new VectorAdd(0, slot))], [0],
        [nodes[0]]);
}
