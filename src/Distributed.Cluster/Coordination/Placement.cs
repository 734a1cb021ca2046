namespace Distributed.Cluster.Coordination;

/// <summary>Decides which idle workers a job gets.</summary>
internal static class Placement
{
    /// <summary>
    /// At most that many, by name: shorter names first puts w2 before w10, as people count.
    /// </summary>
    public static IReadOnlyList<Member> Choose(int wanted, IEnumerable<Member> idle) =>
    [
        .. idle.OrderBy(member => member.Identity.Name.Length)
            .ThenBy(member => member.Identity.Name, StringComparer.Ordinal)
            .ThenBy(member => member.Identity.Incarnation)
            .Take(wanted),
    ];
}
