using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// How the ranks of a host add their nodes together before the hosts exchange anything.
/// </summary>
/// <param name="Group">The ranks.</param>
/// <param name="Adds">Over the host's slots: its ranks' nodes from left to right.</param>
/// <param name="NodeSlots">Which slots then hold the nodes that the host contributes.</param>
public sealed record HostReduction(
    HostGroup Group, IReadOnlyList<VectorAdd> Adds, IReadOnlyList<int> NodeSlots);

/// <summary>
/// A reduction in two levels: within the hosts, and between them, where each host takes part as one
/// rank does in a <see cref="ReductionPlan"/>. A host's ranks have neighbouring shards, so that the
/// host adds whole subtrees: an exact sum has the bits of any other grouping.
/// </summary>
public sealed class HierarchicalPlan
{
    /// <param name="ranks">The plan over all ranks.</param>
    /// <param name="groups">All ranks, in order, by the host.</param>
    public HierarchicalPlan(ReductionPlan ranks, IReadOnlyList<HostGroup> groups)
    {
        Invariant.Check(
            groups[0].First == 0 && groups[^1].End == ranks.Map.RankCount,
            "groups hold all ranks of the plan");
        ShardRange[] hostRanges =
        [
            .. groups.Select(group => new ShardRange(
                ranks.Map.Ranges[group.First].First, ranks.Map.Ranges[group.End - 1].End)),
        ];
        Between = ReductionPlan.Create(
            new ShardMap(ranks.Map.ShardCount, hostRanges), ranks.Order);
        Hosts = [.. groups.Select((group, host) => Within(ranks, group, Between.Locals[host]))];
    }

    /// <summary>The plan in which each host is one rank, in the order of the groups.</summary>
    public ReductionPlan Between { get; }

    /// <summary>In the order of the groups.</summary>
    public IReadOnlyList<HostReduction> Hosts { get; }

    /// <summary>The number of the host to which a rank belongs.</summary>
    public int HostOf(int rank)
    {
        int host = 0;
        while (Hosts[host].Group.End <= rank)
            host++;
        return host;
    }

    private static HostReduction Within(
        ReductionPlan ranks, HostGroup group, LocalReduction contribution)
    {
        int[] nodes =
        [
            .. Enumerable.Range(group.First, group.Count)
                .SelectMany(rank => ranks.Locals[rank].Nodes),
        ];
        SlotAdds adds = ranks.Order == ReductionOrder.Exact
            ? SlotAdds.InTree(nodes)
            : SlotAdds.InOrder(nodes);
        Invariant.Check(
            adds.Nodes.SequenceEqual(contribution.Nodes),
            "a host's ranks add up to the nodes that the host contributes");
        return new HostReduction(group, adds.Adds, adds.Slots);
    }
}
