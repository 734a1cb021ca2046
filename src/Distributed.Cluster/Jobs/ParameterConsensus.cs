using Distributed.Cluster.Coordination;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// Where the ranks of a generation hash their parameters, in the order in which they come to it.
/// </summary>
internal readonly record struct HashPoint(long Step, bool IsSaved) : IComparable<HashPoint>
{
    public int CompareTo(HashPoint other) =>
        (Step, IsSaved).CompareTo((other.Step, other.IsSaved));
}

/// <summary>What one rank says that its parameters are.</summary>
internal sealed record ParameterVote(WorkerIdentity Worker, string Sha256);

/// <summary>Ranks hold different parameters.</summary>
/// <param name="Minority">The workers that disagree with a strict majority; empty where there is
/// none.</param>
/// <param name="Reason">Names the workers, and what to check.</param>
internal sealed record ParameterDivergence(
    IReadOnlyList<WorkerIdentity> Minority, string Reason);

/// <summary>
/// Compares the parameter hashes that ranks report for the same step. All ranks compute the same
/// bits; one that does not is named. A difference never goes away within a generation: where all
/// ranks agree, they have agreed from its start.
/// </summary>
internal sealed class ParameterConsensus
{
    /// <summary>A checkpoint may be finished so many generations late.</summary>
    private const int GenerationsKept = 16;

    private readonly SortedDictionary<HashPoint, SortedDictionary<int, ParameterVote>> votes = [];
    private readonly SortedDictionary<int, HashPoint> agreed = [];
    private int generation;

    /// <summary>The ranks are others from here on: what is not complete will never be.</summary>
    public void Begin(int number)
    {
        generation = number;
        votes.Clear();
        foreach (int older in agreed.Keys.Where(key => key < number - GenerationsKept).ToList())
            agreed.Remove(older);
    }

    /// <summary>
    /// Adds a rank's hash; returns what is wrong once all ranks have reported and differ.
    /// </summary>
    public ParameterDivergence? Add(HashPoint point, int rank, ParameterVote vote, int rankCount)
    {
        if (HasAgreed(generation, point))
            return null;
        if (!votes.TryGetValue(point, out SortedDictionary<int, ParameterVote>? ranks))
            votes.Add(point, ranks = []);
        ranks[rank] = vote;
        if (ranks.Count < rankCount)
            return null;
        ParameterDivergence? divergence = Compare(point.Step, [.. ranks.Values]);
        if (divergence is null)
            Agree(point);
        return divergence;
    }

    /// <summary>All ranks of the generation hold the same parameters there.</summary>
    public void Agree(HashPoint point)
    {
        agreed[generation] = point;
        foreach (HashPoint earlier in votes.Keys.Where(key => key.CompareTo(point) <= 0).ToList())
            votes.Remove(earlier);
    }

    /// <summary>Whether all ranks of that generation agreed there or later.</summary>
    public bool HasAgreed(int number, HashPoint point) =>
        agreed.TryGetValue(number, out HashPoint last) && point.CompareTo(last) <= 0;

    /// <summary>
    /// What is wrong among those that have reported, when the others never will. Where they agree
    /// that shows nothing: one that is gone may have had a part in what they hold.
    /// </summary>
    public ParameterDivergence? JudgeIncomplete()
    {
        foreach ((HashPoint point, SortedDictionary<int, ParameterVote> ranks) in votes)
        {
            if (Compare(point.Step, [.. ranks.Values]) is { } divergence)
                return divergence;
        }

        return null;
    }

    /// <summary>Null where all are equal.</summary>
    public static ParameterDivergence? Compare(long step, IReadOnlyList<ParameterVote> ranks)
    {
        var groups = ranks.GroupBy(vote => vote.Sha256)
            .OrderByDescending(group => group.Count()).ToList();
        if (groups.Count <= 1)
            return null;
        int agreeing = groups[0].Count();
        if (2 * agreeing <= ranks.Count)
        {
            return new(
                [],
                $"parameters differ after step {step}: "
                + $"{string.Join(", ", ranks.Select(vote => vote.Worker.Name))} disagree with "
                + "each other; every rank must hold the same bits: check the memory and the "
                + "libraries of these workers, then resume from the last checkpoint");
        }

        ParameterVote[] others = [.. groups.Skip(1).SelectMany(group => group)];
        return new(
            [.. others.Select(vote => vote.Worker)],
            string.Join("; ", others.Select(vote =>
                $"worker {vote.Worker.Name} is ejected: after step {step} its parameters have "
                + $"SHA-256 {vote.Sha256}, but those of {agreeing} of {ranks.Count} ranks "
                + groups[0].Key))
            + "; every rank must hold the same bits: check that machine's memory and libraries");
    }
}
