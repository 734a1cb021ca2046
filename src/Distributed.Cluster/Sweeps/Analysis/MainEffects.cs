using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>
/// What each level of each dimension does to a figure, all else being equal: least squares of a
/// model in which dimensions add up (analysis of variance without interactions). What they do only
/// together counts as scatter and widens the intervals. Unlike plain means this also holds where
/// levels of one dimension happened to meet good levels of another.
/// </summary>
public static class MainEffects
{
    private const double Miss = 0.05;
    private const double PivotMin = 1e-9;

    /// <summary>
    /// One for each dimension that varies, in the order of the first sample's parameters. Null
    /// where there are too few samples, or where two dimensions always changed together.
    /// </summary>
    /// <param name="samples">Those whose figure is not a number do not count.</param>
    public static IReadOnlyList<DimensionEffects>? Of(IReadOnlyList<ParameterSample> samples)
    {
        ParameterSample[] valid = [.. samples.Where(sample => double.IsFinite(sample.Loss))];
        Factor[] factors = Factors(valid);
        int columns = 1 + factors.Sum(factor => factor.Levels.Length - 1);
        int freedom = valid.Length - columns;
        if (factors.Length == 0 || freedom < 1)
            return null;
        double[][] rows = [.. valid.Select(sample => Row(sample, factors, columns))];
        if (Inverse(rows, columns) is not { } inverse)
            return null;
        double[] figures = [.. valid.Select(sample => sample.Loss)];
        double[] weights = Solve(inverse, rows, figures);
        double scatter = rows.Zip(figures)
            .Sum(pair => Math.Pow(pair.Second - Dot(pair.First, weights), 2)) / freedom;
        var fit = new Fit(weights, inverse, scatter, freedom);
        return [.. factors.Select(factor => Effects(factor, valid, fit))];
    }

    private static Factor[] Factors(ParameterSample[] samples)
    {
        var factors = new List<Factor>();
        int column = 1;
        IEnumerable<string> names = samples
            .SelectMany(sample => sample.Parameters).Select(value => value.Name).Distinct();
        foreach (string name in names)
        {
            string[] levels = [.. samples.Select(sample => LevelOf(sample, name)).Distinct()];
            if (levels.Length < 2)
                continue;
            factors.Add(new Factor(name, levels, column));
            column += levels.Length - 1;
        }
        return [.. factors];
    }

    private static string LevelOf(ParameterSample sample, string name) =>
        sample.Parameters.FirstOrDefault(value => value.Name == name)?.Text ?? "";

    /// <summary>1 for the mean, and what each factor's level adds to it.</summary>
    private static double[] Row(ParameterSample sample, Factor[] factors, int columns)
    {
        double[] row = new double[columns];
        row[0] = 1;
        foreach (Factor factor in factors)
            factor.Mark(row, Array.IndexOf(factor.Levels, LevelOf(sample, factor.Name)), 1);
        return row;
    }

    private static DimensionEffects Effects(Factor factor, ParameterSample[] samples, Fit fit)
    {
        var levels = new List<LevelEffect>();
        for (int level = 0; level < factor.Levels.Length; level++)
        {
            double[] contrast = new double[fit.Weights.Length];
            contrast[0] = 1;
            factor.Mark(contrast, level, 1);
            string text = factor.Levels[level];
            levels.Add(new LevelEffect(
                text, samples.Count(sample => LevelOf(sample, factor.Name) == text),
                fit.Estimate(contrast, Miss)));
        }
        int highest = IndexOfMax(levels, level => level.Mean.Estimate);
        int lowest = IndexOfMax(levels, level => -level.Mean.Estimate);
        double[] between = new double[fit.Weights.Length];
        factor.Mark(between, highest, 1);
        factor.Mark(between, lowest, -1);
        // The pair was picked because it differs most, out of so many.
        int pairs = levels.Count * (levels.Count - 1) / 2;
        return new DimensionEffects(factor.Name, levels, fit.Estimate(between, Miss / pairs));
    }

    private static int IndexOfMax(List<LevelEffect> levels, Func<LevelEffect, double> figure) =>
        Enumerable.Range(0, levels.Count).MaxBy(index => figure(levels[index]));

    private static double[] Solve(double[,] inverse, double[][] rows, double[] figures)
    {
        int columns = inverse.GetLength(0);
        double[] sums = new double[columns];
        for (int row = 0; row < rows.Length; row++)
        {
            for (int column = 0; column < columns; column++)
                sums[column] += rows[row][column] * figures[row];
        }
        return [.. Enumerable.Range(0, columns).Select(
            column => Enumerable.Range(0, columns).Sum(
                other => inverse[column, other] * sums[other]))];
    }

    /// <summary>Of the rows' products, by Gauss and Jordan; null where there is none.</summary>
    private static double[,]? Inverse(double[][] rows, int size)
    {
        double[,] left = new double[size, 2 * size];
        for (int first = 0; first < size; first++)
        {
            left[first, size + first] = 1;
            for (int second = 0; second < size; second++)
                left[first, second] = rows.Sum(row => row[first] * row[second]);
        }
        for (int pivot = 0; pivot < size; pivot++)
        {
            int best = pivot;
            for (int row = pivot + 1; row < size; row++)
                best = Math.Abs(left[row, pivot]) > Math.Abs(left[best, pivot]) ? row : best;
            if (Math.Abs(left[best, pivot]) < PivotMin * rows.Length)
                return null;
            for (int column = 0; column < 2 * size; column++)
            {
                (left[pivot, column], left[best, column]) =
                    (left[best, column], left[pivot, column]);
            }
            Eliminate(left, pivot, size);
        }
        double[,] inverse = new double[size, size];
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < size; column++)
                inverse[row, column] = left[row, size + column];
        }
        return inverse;
    }

    private static void Eliminate(double[,] left, int pivot, int size)
    {
        double scale = left[pivot, pivot];
        for (int column = 0; column < 2 * size; column++)
            left[pivot, column] /= scale;
        for (int row = 0; row < size; row++)
        {
            double factor = left[row, pivot];
            if (row == pivot || factor == 0)
                continue;
            for (int column = 0; column < 2 * size; column++)
                left[row, column] -= factor * left[pivot, column];
        }
    }

    private static double Dot(double[] left, double[] right) =>
        left.Zip(right, (one, other) => one * other).Sum();

    /// <summary>A dimension's levels, and where its columns are: one fewer than levels.</summary>
    private sealed record Factor(string Name, string[] Levels, int Column)
    {
        /// <summary>Effects of all levels add up to 0, so that the last follows from the others.
        /// </summary>
        public void Mark(double[] row, int level, double weight)
        {
            Invariant.Check(level >= 0, "a sample's level is one of the factor's");
            int last = Levels.Length - 1;
            for (int other = 0; other < last; other++)
            {
                if (level == last)
                    row[Column + other] -= weight;
                else if (level == other)
                    row[Column + other] += weight;
            }
        }
    }

    private sealed record Fit(double[] Weights, double[,] Inverse, double Scatter, int Freedom)
    {
        public Interval Estimate(double[] contrast, double miss)
        {
            double estimate = Dot(contrast, Weights);
            double spread = 0;
            for (int first = 0; first < contrast.Length; first++)
            {
                for (int second = 0; second < contrast.Length; second++)
                    spread += contrast[first] * Inverse[first, second] * contrast[second];
            }
            double reach = StudentT.Distance(miss, Freedom)
                * Math.Sqrt(Math.Max(Scatter * spread, 0));
            return new Interval(estimate, estimate - reach, estimate + reach);
        }
    }
}

/// <summary>What one dimension does.</summary>
/// <param name="Levels">In the order in which samples have them.</param>
/// <param name="Largest">How much the highest level is above the lowest one; the interval allows
/// for their having been picked.</param>
public sealed record DimensionEffects(
    string Name, IReadOnlyList<LevelEffect> Levels, Interval Largest)
{
    /// <summary>Whether some level is above another for more reasons than chance.</summary>
    public bool IsClear => Largest.Low > 0;
}

/// <summary>What a level comes to.</summary>
/// <param name="Text">The parameter's; empty where it is not there.</param>
/// <param name="Samples">How many have it.</param>
/// <param name="Mean">The figure with this level, at the mean over all levels of the others.
/// </param>
public sealed record LevelEffect(string Text, int Samples, Interval Mean);
