namespace Distributed.Cluster.Coordination;

/// <summary>The workers that a job gets, in rank order; none while it has to wait.</summary>
internal sealed record PlacementDecision(IReadOnlyList<WorkerIdentity> Workers, string Reason);

/// <summary>Decides which idle workers a job gets.</summary>
internal static class Placement
{
    public static PlacementDecision Choose(int wanted, IReadOnlyList<WorkerIdentity> idle)
    {
        if (idle.Count < wanted)
            return new([], $"{idle.Count} of {wanted} workers are idle");

        // Shorter names first puts w2 before w10, as people count.
        WorkerIdentity[] chosen =
        [
            .. idle.OrderBy(worker => worker.Name.Length)
                .ThenBy(worker => worker.Name, StringComparer.Ordinal)
                .ThenBy(worker => worker.Incarnation)
                .Take(wanted),
        ];
        return new(chosen, $"{wanted} of {idle.Count} idle workers, by name");
    }
}
