using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>
/// How much of a loss's variance over a space is due to each dimension alone, and to each pair
/// beyond that: functional ANOVA over a random forest. F. Hutter, H. Hoos, K. Leyton-Brown, An
/// Efficient Approach for Assessing Hyperparameter Importance, 2014. All options of a choice are
/// equally likely, and so is every place of a range on its scale; where a dimension is not there,
/// the loss does not vary with it.
/// </summary>
public static class ParameterImportance
{
    /// <summary>With fewer samples nothing is said.</summary>
    public const int SamplesMin = 4;

    private const int Trees = 48;

    /// <summary>
    /// Null with too few samples, or where all have the same loss. A pure function; it takes a
    /// second or two for a thousand samples of ten dimensions.
    /// </summary>
    /// <param name="space">What was varied.</param>
    /// <param name="samples">Those whose loss is not a number do not count, nor those of
    /// another space.</param>
    /// <param name="seed">Of the forest.</param>
    /// <param name="withPairs">Whether to find the shares of pairs too.</param>
    public static Importances? Of(
        SearchSpace space, IReadOnlyList<ParameterSample> samples, ulong seed,
        bool withPairs = false)
    {
        var domain = new Domain(space);
        var valid = samples.Select(sample => (Values: domain.Parse(sample.Parameters), sample.Loss))
            .Where(sample => domain.IsComplete(sample.Values) && double.IsFinite(sample.Loss))
            .ToArray();
        if (valid.Length < SamplesMin || valid.All(sample => sample.Loss == valid[0].Loss))
            return null;
        double[][] configurations = [.. valid.Select(sample => sample.Values)];
        double[] losses = [.. valid.Select(sample => sample.Loss)];
        int dimensions = domain.Axes.Count;
        double[,] shares = new double[dimensions, dimensions];
        int varying = 0;
        for (int tree = 0; tree < Trees; tree++)
        {
            var draws = Draws.Of(seed, tree, 0, DrawPurpose.Forest);
            IReadOnlyList<TreeLeaf> leaves =
                new RegressionTree(domain, configurations, losses, draws).Leaves;
            varying += VarianceShares.Add(leaves, withPairs, shares) ? 1 : 0;
        }
        return varying == 0 ? null : Named(space, shares, varying, withPairs);
    }

    private static Importances Named(
        SearchSpace space, double[,] shares, int trees, bool withPairs)
    {
        IReadOnlyList<Dimension> dimensions = space.Dimensions;
        var pairs = new List<PairImportance>();
        for (int first = 0; withPairs && first < dimensions.Count; first++)
        {
            for (int second = first + 1; second < dimensions.Count; second++)
            {
                pairs.Add(new(
                    dimensions[first].Name, dimensions[second].Name,
                    Math.Max(0, shares[first, second] / trees)));
            }
        }
        return new(
            [.. dimensions.Select((dimension, index) => new DimensionImportance(
                dimension.Name, Math.Max(0, shares[index, index] / trees)))],
            pairs);
    }
}

/// <summary>A configuration and what came of it.</summary>
/// <param name="Parameters">In the space's order.</param>
/// <param name="Loss">Any figure whose variance is to be explained.</param>
public sealed record ParameterSample(IReadOnlyList<ParameterValue> Parameters, double Loss);

/// <param name="Dimensions">In the space's order.</param>
/// <param name="Pairs">Empty where they were not asked for.</param>
public sealed record Importances(
    IReadOnlyList<DimensionImportance> Dimensions, IReadOnlyList<PairImportance> Pairs);

/// <param name="Name">Of the dimension.</param>
/// <param name="Share">Of the variance, from 0 to 1; all shares together are at most 1.</param>
public sealed record DimensionImportance(string Name, double Share);

/// <param name="First">Of a dimension.</param>
/// <param name="Second">Of one after it.</param>
/// <param name="Share">Of the variance, beyond what both explain alone.</param>
public sealed record PairImportance(string First, string Second, double Share);
