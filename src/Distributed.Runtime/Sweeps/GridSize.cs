using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Runtime.Sweeps;

/// <summary>Counts the configurations of a grid.</summary>
internal static class GridSize
{
    public const int Max = 1_000_000;

    /// <summary>
    /// Null where a dimension has no steps; <see cref="Max"/> + 1 stands for all that is more.
    /// </summary>
    public static long? Of(SearchSpace space)
    {
        var counts = new List<long>();
        foreach (Dimension dimension in space.Dimensions)
        {
            if (CountOf(dimension) is not { } count)
                return null;
            counts.Add(count);
        }
        return Count(space.Dimensions, counts, 0, []);
    }

    private static long Count(
        IReadOnlyList<Dimension> dimensions, List<long> counts, int index,
        Dictionary<string, string> taken)
    {
        if (index == dimensions.Count)
            return 1;
        Dimension dimension = dimensions[index];
        bool isThere = dimension.When.All(condition =>
            taken.TryGetValue(condition.Dimension, out string? option)
            && condition.Options.Contains(option));
        if (!isThere)
            return Count(dimensions, counts, index + 1, taken);
        bool isCondition = dimensions.Any(other =>
            other.When.Any(condition => condition.Dimension == dimension.Name));
        if (!isCondition)
        {
            return Math.Min(
                Max + 1, counts[index] * Count(dimensions, counts, index + 1, taken));
        }
        var sum = 0L;
        foreach (string option in ((ChoiceDimension)dimension).Options)
        {
            taken[dimension.Name] = option;
            sum = Math.Min(Max + 1, sum + Count(dimensions, counts, index + 1, taken));
        }
        taken.Remove(dimension.Name);
        return sum;
    }

    private static long? CountOf(Dimension dimension) => dimension switch
    {
        ChoiceDimension choice => choice.Options.Count,
        IntegerDimension whole => ((whole.High - whole.Low) / whole.Step) + 1,
        RealDimension { Step: { } step } real =>
            (long)Math.Floor(Math.Min(Max, ((real.High - real.Low) / step) + 1e-9)) + 1,
        _ => null,
    };
}
