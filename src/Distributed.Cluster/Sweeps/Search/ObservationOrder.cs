using Distributed.Cluster.Sweeps.Analysis;

namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// Observations from best to worst. Completed ones come first, by loss; then those stopped early,
/// who came furthest first and then by loss; then those that failed. With several objectives
/// completed ones go by how many fronts dominate them, on a front the lonely ones first.
/// </summary>
internal static class ObservationOrder
{
    private enum Group
    {
        Completed,
        Stopped,
        Worthless,
    }

    /// <summary>Whether it has a loss to be compared by.</summary>
    public static bool HasWorth(Observation observation) =>
        GroupOf(observation, 1) != Group.Worthless;

    /// <summary>Indices into the observations.</summary>
    public static int[] BestFirst(IReadOnlyList<Observation> observations, int objectives)
    {
        int[] completed = [.. Indices(observations, objectives, Group.Completed)];
        IEnumerable<int> ordered = objectives == 1
            ? completed.OrderBy(index => observations[index].Losses[0])
            : ParetoFront.BestFirst([.. completed.Select(index => observations[index].Losses)])
                .Select(index => completed[index]);
        IEnumerable<int> stopped = Indices(observations, objectives, Group.Stopped)
            .OrderByDescending(index => observations[index].Epoch)
            .ThenBy(index => observations[index].Losses[0]);
        return [
            .. ordered, .. stopped, .. Indices(observations, objectives, Group.Worthless)];
    }

    private static IEnumerable<int> Indices(
        IReadOnlyList<Observation> observations, int objectives, Group group) =>
        Enumerable.Range(0, observations.Count).Where(
            index => GroupOf(observations[index], objectives) == group);

    private static Group GroupOf(Observation observation, int objectives) =>
        observation.Losses.Count < objectives || !observation.Losses.All(double.IsFinite)
            ? Group.Worthless
            : observation.State switch
            {
                ObservationState.Completed => Group.Completed,
                ObservationState.Stopped => Group.Stopped,
                _ => Group.Worthless,
            };
}
