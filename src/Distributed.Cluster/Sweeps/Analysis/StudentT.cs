namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>Student's t distribution.</summary>
internal static class StudentT
{
    private static readonly double[] gammaCoefficients =
    [
        76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155,
        0.1208650973866179e-2, -0.5395239384953e-5,
    ];

    /// <summary>How likely a value is at least so far from 0, on either side.</summary>
    public static double TwoSided(double t, int freedom) => IncompleteBeta(
        freedom / (freedom + (t * t)), freedom / 2.0, 0.5);

    /// <summary>The distance from 0 that is passed with that probability.</summary>
    public static double Distance(double twoSided, int freedom)
    {
        double low = 0;
        double high = 1;
        while (TwoSided(high, freedom) > twoSided)
            high *= 2;
        for (int halving = 0; halving < 100; halving++)
        {
            double middle = (low + high) / 2;
            if (TwoSided(middle, freedom) > twoSided)
                low = middle;
            else
                high = middle;
        }
        return high;
    }

    /// <summary>Regularised, by its continued fraction (Press et al., Numerical Recipes, 6.4).
    /// </summary>
    private static double IncompleteBeta(double x, double a, double b)
    {
        if (x is <= 0 or >= 1)
            return x <= 0 ? 0 : 1;
        double front = Math.Exp(
            LogGamma(a + b) - LogGamma(a) - LogGamma(b) + (a * Math.Log(x))
                + (b * Math.Log(1 - x)));
        return x < (a + 1) / (a + b + 2)
            ? front * Fraction(x, a, b) / a
            : 1 - (front * Fraction(1 - x, b, a) / b);
    }

    /// <summary>By Lentz's method.</summary>
    private static double Fraction(double x, double a, double b)
    {
        const double tiny = 1e-300;
        double c = 1;
        double d = 1 / NotZero(1 - ((a + b) * x / (a + 1)));
        double value = d;
        for (int m = 1; m < 1000; m++)
        {
            double even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            d = 1 / NotZero(1 + (even * d));
            c = NotZero(1 + (even / c));
            value *= d * c;
            double odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / NotZero(1 + (odd * d));
            c = NotZero(1 + (odd / c));
            value *= d * c;
            if (Math.Abs((d * c) - 1) < 1e-15)
                break;
        }
        return value;

        static double NotZero(double number) => Math.Abs(number) < tiny ? tiny : number;
    }

    /// <summary>By Lanczos' series, to about 10 digits.</summary>
    private static double LogGamma(double x)
    {
        double shifted = x + 5.5;
        double series = 1.000000000190015;
        for (int term = 0; term < gammaCoefficients.Length; term++)
            series += gammaCoefficients[term] / (x + 1 + term);
        return ((x + 0.5) * Math.Log(shifted)) - shifted
            + Math.Log(2.5066282746310005 * series / x);
    }
}
