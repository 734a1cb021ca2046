namespace Distributed.Dashboard.Reports;

/// <summary>A share that was counted, and between which bounds the true one likely is.</summary>
/// <param name="Share">As counted.</param>
/// <param name="Low">Lower bound at 95 % confidence.</param>
/// <param name="High">Upper bound.</param>
public readonly record struct Proportion(double Share, double Low, double High)
{
    /// <summary>
    /// Wilson's interval, which holds for few samples and for shares near 0 and 1 too:
    /// E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    /// </summary>
    public static Proportion Wilson95(long right, long samples)
    {
        const double z = 1.959963984540054;
        double share = (double)right / samples;
        double scale = 1 + z * z / samples;
        double middle = (share + z * z / (2 * samples)) / scale;
        double half = z / scale
            * Math.Sqrt(share * (1 - share) / samples + z * z / (4.0 * samples * samples));
        return new Proportion(share, Math.Max(middle - half, 0), Math.Min(middle + half, 1));
    }
}
