namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>Compares points of several losses, each the less the better.</summary>
public static class ParetoFront
{
    /// <summary>
    /// The points that no other is at least as good as in all losses and better in one, ascending.
    /// Equal points are all among them, points with a loss that is not a number never.
    /// </summary>
    public static IReadOnlyList<int> Indices(IReadOnlyList<IReadOnlyList<double>> points)
    {
        int[] valid = [.. Enumerable.Range(0, points.Count).Where(
            index => !points[index].Any(double.IsNaN))];
        return [.. Front(points, valid)];
    }

    /// <summary>
    /// All points, front by front; on a front those with the emptiest neighbourhood first (Deb et
    /// al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002).
    /// </summary>
    internal static IReadOnlyList<int> BestFirst(IReadOnlyList<IReadOnlyList<double>> points)
    {
        var ordered = new List<int>(points.Count);
        int[] left = [.. Enumerable.Range(0, points.Count)];
        while (left.Length > 0)
        {
            int[] front = [.. Front(points, left)];
            double[] distances = Crowding(points, front);
            ordered.AddRange(Enumerable.Range(0, front.Length)
                .OrderByDescending(place => distances[place]).Select(place => front[place]));
            left = [.. left.Except(front)];
        }
        return ordered;
    }

    private static IEnumerable<int> Front(
        IReadOnlyList<IReadOnlyList<double>> points, int[] among) =>
        among.Where(index => !among.Any(other => Dominates(points[other], points[index])));

    private static bool Dominates(IReadOnlyList<double> left, IReadOnlyList<double> right)
    {
        bool isBetter = false;
        for (int objective = 0; objective < left.Count; objective++)
        {
            if (left[objective] > right[objective])
                return false;
            isBetter |= left[objective] < right[objective];
        }
        return isBetter;
    }

    private static double[] Crowding(IReadOnlyList<IReadOnlyList<double>> points, int[] front)
    {
        double[] distances = new double[front.Length];
        for (int objective = 0; objective < points[front[0]].Count; objective++)
        {
            int[] places = [.. Enumerable.Range(0, front.Length)
                .OrderBy(place => points[front[place]][objective])];
            double Loss(int rank) => points[front[places[rank]]][objective];
            double range = Loss(front.Length - 1) - Loss(0);
            distances[places[0]] = double.PositiveInfinity;
            distances[places[^1]] = double.PositiveInfinity;
            for (int rank = 1; rank < front.Length - 1 && range > 0; rank++)
                distances[places[rank]] += (Loss(rank + 1) - Loss(rank - 1)) / range;
        }
        return distances;
    }
}
