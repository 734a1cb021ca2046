namespace Distributed.Collectives.Reduction;

/// <summary>
/// Ranks that share memory: from <paramref name="First"/>, their leader, up to, not including, End.
/// </summary>
public readonly record struct HostGroup(int First, int Count)
{
    public int End => First + Count;

    /// <summary>
    /// Which ranks can share memory: neighbours of one host. All ranks decide alike, because they
    /// see the same hosts.
    /// </summary>
    /// <param name="hosts">By rank; empty where a rank can share memory with nobody.</param>
    public static IReadOnlyList<HostGroup> ByHost(IReadOnlyList<string> hosts)
    {
        var groups = new List<HostGroup>();
        for (int rank = 0; rank < hosts.Count; rank++)
        {
            bool continues = rank > 0 && hosts[rank].Length > 0 && hosts[rank] == hosts[rank - 1];
            if (continues)
                groups[^1] = groups[^1] with { Count = groups[^1].Count + 1 };
            else
                groups.Add(new HostGroup(rank, 1));
        }

        return groups;
    }

    /// <summary>The same groups, but for those whose ranks do not share after all.</summary>
    /// <param name="groups">In rank order.</param>
    /// <param name="shares">By rank: whether it shares memory with all of its group.</param>
    public static IReadOnlyList<HostGroup> Sharing(
        IReadOnlyList<HostGroup> groups, IReadOnlyList<bool> shares)
    {
        var sharing = new List<HostGroup>();
        foreach (HostGroup group in groups)
        {
            IEnumerable<int> ranks = Enumerable.Range(group.First, group.Count);
            if (ranks.All(rank => shares[rank]))
                sharing.Add(group);
            else
                sharing.AddRange(ranks.Select(rank => new HostGroup(rank, 1)));
        }

        return sharing;
    }
}
