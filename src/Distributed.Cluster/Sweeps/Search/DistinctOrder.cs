namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// The configurations of a small space in the order in which draws first come to them, so that none
/// is tried twice. Of random draws this is drawing without putting back.
/// </summary>
internal sealed class DistinctOrder
{
    private const int CountMax = 1024;
    private const int DrawsPerConfiguration = 16;

    private readonly Combinations combinations;
    private readonly List<long> numbers = [];

    private DistinctOrder(Combinations combinations, Func<int, double[]> draw)
    {
        this.combinations = combinations;
        bool[] isTaken = new bool[combinations.Count];
        int drawsMax = Count * DrawsPerConfiguration;
        for (int number = 0; number < drawsMax && numbers.Count < Count; number++)
            Take(combinations.NumberOf(draw(number)), isTaken);
        // What is too unlikely to be drawn comes last.
        for (int number = 0; number < Count; number++)
            Take(number, isTaken);
    }

    public int Count => (int)combinations.Count;

    /// <summary>Null where the space is not small.</summary>
    public static DistinctOrder? Of(Domain domain, Func<int, double[]> draw) =>
        SmallOrNull(domain) is { } combinations ? new(combinations, draw) : null;

    /// <summary>The combinations of a space so small that they can be gone through.</summary>
    public static Combinations? SmallOrNull(Domain domain)
    {
        if (!domain.Axes.All(axis => axis.IsDiscrete))
            return null;
        var combinations = new Combinations(domain);
        return combinations.Count <= CountMax ? combinations : null;
    }

    /// <summary>Beyond the last one it begins again.</summary>
    public double[] At(int number) => combinations.At(numbers[number % Count]);

    private void Take(long number, bool[] isTaken)
    {
        if (isTaken[number])
            return;
        isTaken[number] = true;
        numbers.Add(number);
    }
}
