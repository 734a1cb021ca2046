namespace Distributed.Cluster.Jobs;

/// <summary>
/// Compares numerics fingerprints: canonical texts of `key=value` pairs joined by `; `.
/// </summary>
internal static class Numerics
{
    /// <summary>
    /// What differs between the fingerprints of the ranks, or between them and the one that the run
    /// was recorded with; null where all agree.
    /// </summary>
    public static string? Mismatch(
        string recorded, IReadOnlyList<string> ranks, IReadOnlyList<string> workers)
    {
        for (int rank = 0; rank < ranks.Count; rank++)
        {
            if (recorded.Length > 0 && ranks[rank] != recorded)
            {
                return $"the run was made with other numerics than worker {workers[rank]} has: "
                    + $"{Difference(recorded, ranks[rank])}; its bits would change: resume on a "
                    + "machine and library like the first, or start a new run";
            }

            if (ranks[rank] != ranks[0])
            {
                return $"workers {workers[0]} and {workers[rank]} would compute different bits: "
                    + $"{Difference(ranks[0], ranks[rank])}; give all workers the same library, "
                    + "device kind and threads per worker";
            }
        }

        return null;
    }

    private static string Difference(string expected, string actual)
    {
        string[] ours = expected.Split("; ");
        string[] theirs = actual.Split("; ");
        IEnumerable<string> differing = theirs.Except(ours)
            .Select(pair => $"{pair} (expected {Counterpart(ours, pair)})");
        string text = string.Join(", ", differing);
        return text.Length > 0 ? text : $"'{actual}' (expected '{expected}')";
    }

    private static string Counterpart(string[] pairs, string pair)
    {
        string key = pair[..(pair.IndexOf('=', StringComparison.Ordinal) + 1)];
        return pairs.FirstOrDefault(
            other => other.StartsWith(key, StringComparison.Ordinal)) ?? "nothing";
    }
}
