namespace Distributed.Dashboard.Reports;

/// <summary>Fewer of the same, where all would be too many to look at.</summary>
internal static class Thinning
{
    /// <summary>At most so many, evenly spread, the first and the last among them.</summary>
    public static IReadOnlyList<T> Evenly<T>(IReadOnlyList<T> all, int countMax) =>
        all.Count <= countMax
            ? all
            : [
                .. Enumerable.Range(0, countMax).Select(
                    index => all[(int)((long)index * (all.Count - 1) / (countMax - 1))]),
            ];

    /// <summary>The list in at most so many parts that follow on each other.</summary>
    public static IEnumerable<IReadOnlyList<T>> Parts<T>(IReadOnlyList<T> all, int partsMax)
    {
        int parts = Math.Min(partsMax, all.Count);
        for (int part = 0; part < parts; part++)
        {
            int first = (int)((long)part * all.Count / parts);
            int end = (int)((long)(part + 1) * all.Count / parts);
            yield return [.. all.Skip(first).Take(end - first)];
        }
    }
}
