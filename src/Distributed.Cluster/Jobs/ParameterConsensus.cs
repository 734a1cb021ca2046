namespace Distributed.Cluster.Jobs;

/// <summary>
/// Compares the parameter hashes that ranks report for the same step. All ranks compute the same
/// bits; one that does not is named.
/// </summary>
internal sealed class ParameterConsensus
{
    private readonly SortedDictionary<long, SortedDictionary<int, (string Worker, string Hash)>>
        hashes = [];

    /// <summary>Forgets what is not complete: the ranks have changed.</summary>
    public void Reset() => hashes.Clear();

    /// <summary>
    /// Adds a rank's hash; returns what is wrong once all ranks have reported and differ.
    /// </summary>
    public string? Add(long step, int rank, string worker, string hash, int rankCount)
    {
        if (!hashes.TryGetValue(step, out SortedDictionary<int, (string, string)>? ranks))
            hashes.Add(step, ranks = []);
        ranks[rank] = (worker, hash);
        if (ranks.Count < rankCount)
            return null;
        hashes.Remove(step);
        var groups = ranks.Values.GroupBy(value => value.Item2)
            .OrderByDescending(group => group.Count()).ToList();
        if (groups.Count == 1)
            return null;
        bool majority = groups[0].Count() > rankCount / 2;
        IEnumerable<string> named = (majority ? groups.Skip(1) : groups)
            .SelectMany(group => group.Select(value => value.Item1));
        return $"parameters differ after step {step}: {string.Join(", ", named)} "
            + (majority ? "disagree with the majority" : "disagree with each other")
            + "; every rank must hold the same bits: check the memory and the libraries of these "
            + "workers, then resume from the last checkpoint";
    }
}
