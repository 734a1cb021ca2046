using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;

namespace Distributed.Runtime.Tests.Store;

/// <summary>
/// Records taken apart until each part equals another by its content: lists within a record are
/// equal only where they are the same list.
/// </summary>
internal static class Parts
{
    public static IEnumerable<object> Of(IEnumerable<StoredJob> jobs) => jobs.SelectMany(Of);

    public static IEnumerable<object> Of(StoredJob job)
    {
        yield return job with { Generation = null };
        if (job.Generation is not { } generation)
            yield break;
        foreach (object part in Of(generation))
            yield return part;
    }

    public static IEnumerable<object> Of(Generation generation)
    {
        yield return generation with { Ranks = [] };
        foreach (RankAssignment rank in generation.Ranks)
        {
            yield return rank with { Worker = rank.Worker with { Roles = [] } };
            yield return string.Join('\0', rank.Worker.Roles);
            yield return rank.Worker.Roles.Count;
        }
    }
}
