namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>How sure a measured figure is, always at 95 %.</summary>
public static class Confidence
{
    private const double Miss = 0.05;
    private const double NormalDistance = 1.959963984540054;

    /// <summary>Student's interval of the mean of repeated measurements that scatter about
    /// normally; null with fewer than two.</summary>
    public static Interval? OfMean(IReadOnlyList<double> values)
    {
        int count = values.Count;
        if (count < 2)
            return null;
        double mean = values.Average();
        double reach = StudentT.Distance(Miss, count - 1) * Error(values, mean);
        return new(mean, mean - reach, mean + reach);
    }

    /// <summary>
    /// E. B. Wilson's interval (1927) of a share, for example of the images that were classified
    /// rightly; right also for shares near 0 and 1. Null where nothing was tried.
    /// </summary>
    public static Interval? OfShare(long successes, long tried)
    {
        if (tried < 1)
            return null;
        double share = (double)successes / tried;
        double square = NormalDistance * NormalDistance;
        double middle = (share + (square / (2 * tried))) / (1 + (square / tried));
        double reach = NormalDistance / (1 + (square / tried)) * Math.Sqrt(
            (share * (1 - share) / tried) + (square / (4.0 * tried * tried)));
        return new(
            share, Math.Min(Math.Max(middle - reach, 0), share),
            Math.Max(Math.Min(middle + reach, 1), share));
    }

    /// <summary>
    /// Two settings measured under the same conditions, pair by pair (for example with the same
    /// seeds), by Student's paired test. Null with fewer than two pairs.
    /// </summary>
    /// <param name="first">One for each condition.</param>
    /// <param name="second">In the same order and as many.</param>
    public static PairedComparison? OfPairs(
        IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        if (first.Count != second.Count)
            throw new ArgumentException($"{first.Count} and {second.Count} values are no pairs");
        double[] differences = [.. first.Zip(second, (left, right) => left - right)];
        if (OfMean(differences) is not { } interval)
            return null;
        double error = Error(differences, interval.Estimate);
        double probability = error > 0
            ? StudentT.TwoSided(interval.Estimate / error, differences.Length - 1)
            : interval.Estimate == 0 ? 1 : 0;
        return new(differences.Length, interval, probability);
    }

    private static double Error(IReadOnlyList<double> values, double mean) => Math.Sqrt(
        values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count);
}

/// <summary>A figure and between which bounds its true value lies with a probability of 95 %.
/// </summary>
public sealed record Interval(double Estimate, double Low, double High);

/// <param name="Pairs">How many there were.</param>
/// <param name="Difference">First less second, on average.</param>
/// <param name="Probability">Of a mean difference at least so large in either direction, if there
/// were none in truth.</param>
public sealed record PairedComparison(int Pairs, Interval Difference, double Probability)
{
    /// <summary>Whether the interval leaves 0 out.</summary>
    public bool IsSignificant => Difference.Low > 0 || Difference.High < 0;
}
