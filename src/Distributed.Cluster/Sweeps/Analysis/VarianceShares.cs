namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>
/// Splits a tree's variance among dimensions. The mean of the tree where some dimensions U are held
/// fixed is a sum over leaves; its square, averaged over U, is a sum over pairs of leaves: value
/// times volume of both, times the overlap over the product of sizes in each dimension of U.
/// Subtracting the parts of smaller sets leaves, with ratio r in a dimension, r − 1 for one and
/// (r − 1)(r' − 1) for two.
/// </summary>
internal static class VarianceShares
{
    /// <summary>
    /// Adds each dimension's share on the diagonal, and above it each pair's. False where the tree
    /// says the same everywhere.
    /// </summary>
    public static bool Add(IReadOnlyList<TreeLeaf> leaves, bool withPairs, double[,] shares)
    {
        double mean = leaves.Sum(leaf => leaf.Volume * leaf.Value);
        double variance = leaves.Sum(
            leaf => leaf.Volume * (leaf.Value - mean) * (leaf.Value - mean));
        if (variance <= 0)
            return false;
        double[] masses = [.. leaves.Select(leaf => leaf.Volume * (leaf.Value - mean))];
        double[] ratios = new double[shares.GetLength(0)];
        for (int left = 0; left < leaves.Count; left++)
        {
            for (int right = 0; right <= left; right++)
            {
                double mass = masses[left] * masses[right] / variance * (left == right ? 1 : 2);
                for (int axis = 0; axis < ratios.Length; axis++)
                {
                    ratios[axis] = Ratio(leaves[left].Parts[axis], leaves[right].Parts[axis]) - 1;
                    shares[axis, axis] += mass * ratios[axis];
                }
                if (withPairs)
                    AddPairs(mass, ratios, shares);
            }
        }
        return true;
    }

    private static double Ratio(AxisPart left, AxisPart right) =>
        left.Overlap(right) / (left.Size * right.Size);

    private static void AddPairs(double mass, double[] ratios, double[,] shares)
    {
        for (int first = 0; first < ratios.Length; first++)
        {
            for (int second = first + 1; ratios[first] != 0 && second < ratios.Length; second++)
                shares[first, second] += mass * ratios[first] * ratios[second];
        }
    }
}
