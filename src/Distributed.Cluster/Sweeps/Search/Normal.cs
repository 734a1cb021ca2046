namespace Distributed.Cluster.Sweeps.Search;

/// <summary>The standard normal distribution.</summary>
internal static class Normal
{
    public const double LogSqrtTwoPi = 0.91893853320467274178;

    /// <summary>To about 15 digits: G. West, Better Approximations to Cumulative Normal Functions,
    /// 2005, after J. F. Hart.</summary>
    public static double Cdf(double x)
    {
        double size = Math.Abs(x);
        double tail = size > 37 ? 0
            : size < 7.07106781186547 ? Math.Exp(-size * size / 2) * Ratio(size)
            : Math.Exp(-size * size / 2) / 2.506628274631
                / (size + (1 / (size + (2 / (size + (3 / (size + (4 / (size + 0.65)))))))));
        return x > 0 ? 1 - tail : tail;
    }

    /// <summary>To about 9 digits: P. J. Acklam, An algorithm for computing the inverse normal
    /// cumulative distribution function, 2003.</summary>
    /// <param name="p">Above 0 and below 1.</param>
    public static double Quantile(double p)
    {
        const double tail = 0.02425;
        if (p > 1 - tail)
            return -Quantile(1 - p);
        if (p < tail)
        {
            double q = Math.Sqrt(-2 * Math.Log(p));
            return Polynomial(
                q, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838,
                -2.549732539343734, 4.374664141464968, 2.938163982698783)
                / Polynomial(
                    q, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996,
                    3.754408661907416, 1);
        }
        double centred = p - 0.5;
        double square = centred * centred;
        return centred * Polynomial(
            square, -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
            1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239)
            / Polynomial(
                square, -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                6.680131188771972e+01, -1.328068155288572e+01, 1);
    }

    private static double Ratio(double x) =>
        Polynomial(
            x, 3.52624965998911e-02, 0.700383064443688, 6.37396220353165, 33.912866078383,
            112.079291497871, 221.213596169931, 220.206867912376)
        / Polynomial(
            x, 8.83883476483184e-02, 1.75566716318264, 16.064177579207, 86.7807322029461,
            296.564248779674, 637.333633378831, 793.826512519948, 440.413735824752);

    private static double Polynomial(double x, params ReadOnlySpan<double> coefficients)
    {
        double sum = 0;
        foreach (double coefficient in coefficients)
            sum = (sum * x) + coefficient;
        return sum;
    }
}
