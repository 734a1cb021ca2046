namespace Distributed.Collectives.Reduction;

/// <summary>What an all-reduce costs: a time that each of them takes, and one for each byte.
/// </summary>
public readonly record struct LinkCost(double FixedMs, double MsPerByte)
{
    /// <summary>Shorter than any that can be measured.</summary>
    private const double ShortestMs = 1e-6;

    public double Of(long bytes) => FixedMs + bytes * MsPerByte;

    /// <summary>
    /// The cost, without negative parts, from which measured times differ least in proportion: the
    /// short ones say what is fixed, the long ones what a byte costs.
    /// </summary>
    public static LinkCost Fit(IReadOnlyList<(long Bytes, double Ms)> measured)
    {
        var (weights, bytes, squares, times, products) = (0.0, 0.0, 0.0, 0.0, 0.0);
        foreach ((long count, double ms) in measured)
        {
            double time = Math.Max(ms, ShortestMs);
            double weight = 1 / (time * time);
            weights += weight;
            bytes += weight * count;
            squares += weight * count * count;
            times += weight * time;
            products += weight * count * time;
        }

        double spread = weights * squares - bytes * bytes;
        double msPerByte = spread > 0 ? (weights * products - bytes * times) / spread : 0;
        double fixedMs = (times - msPerByte * bytes) / weights;
        return msPerByte < 0 ? new LinkCost(times / weights, 0)
            : fixedMs < 0 ? new LinkCost(0, products / squares)
            : new LinkCost(fixedMs, msPerByte);
    }
}
