namespace Distributed.Collectives.Tests;

internal static class Groupings
{
    /// <summary>All ways to cut so many buckets into groups, as the groups' ends.</summary>
    public static IEnumerable<int[]> All(int count)
    {
        for (int cuts = 0; cuts < 1 << (count - 1); cuts++)
        {
            int chosen = cuts;
            yield return
            [
                .. Enumerable.Range(1, count - 1).Where(end => (chosen >> (end - 1) & 1) != 0),
                count,
            ];
        }
    }
}
