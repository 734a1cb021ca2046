using Distributed.Kernel;

namespace Distributed.Simulation.Time;

/// <summary>Spans of simulated time in nanoseconds, and draws of them.</summary>
internal static class Span
{
    public const long Microsecond = 1_000;
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000_000_000;

    public static TimeSpan ToTimeSpan(long ns) =>
        TimeSpan.FromTicks(ns / TimeSpan.NanosecondsPerTick);

    public static long OfSeconds(double seconds) => (long)(seconds * Second);

    public static double ToSeconds(long ns) => ns / (double)Second;

    /// <summary>Uniform in [min, max].</summary>
    public static long NextBetween(this Prng random, long min, long max)
    {
        Invariant.Check(min <= max, "a range to draw from is empty");
        return min + (long)random.NextBelow((ulong)(max - min) + 1);
    }

    public static int NextBetween(this Prng random, int min, int max) =>
        (int)random.NextBetween((long)min, max);

    /// <summary>
    /// In [min, max] with every doubling alike: small ones as often as large ones. In powers of two
    /// and integers, because logarithms differ between machines in their last bit.
    /// </summary>
    public static long NextScaled(this Prng random, long min, long max)
    {
        Invariant.Check(0 < min && min <= max, "a scale to draw from is empty");
        int doublings = 0;
        while (min << (doublings + 1) <= max)
            doublings++;
        long low = min << random.NextBetween(0, doublings);
        return random.NextBetween(low, Math.Min(2 * low, max));
    }

    public static bool NextPercent(this Prng random, int percent) =>
        random.NextChance((ulong)percent, 100);
}
