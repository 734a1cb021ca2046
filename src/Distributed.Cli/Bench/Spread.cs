namespace Distributed.Cli.Bench;

/// <summary>
/// What is kept of many measurements of one thing; percentiles are nearest ranks.
/// </summary>
internal readonly record struct Spread(double Median, double P10, double P90)
{
    public static Spread Of(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("a spread is of one measurement or more", nameof(samples));
        return new Spread(Percentile(sorted, 50), Percentile(sorted, 10), Percentile(sorted, 90));
    }

    private static double Percentile(double[] sorted, int percent)
    {
        // The smallest value that is not exceeded by that share of all.
        int rank = (sorted.Length * percent + 99) / 100;
        return sorted[Math.Max(rank, 1) - 1];
    }
}
