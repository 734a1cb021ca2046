namespace Distributed.Kernel;

/// <summary>Time spans as the kernel counts them.</summary>
public static class Nanoseconds
{
    // Half the range, so that adding it to any present time can not overflow.
    private const long Longest = long.MaxValue / 2;

    /// <summary>0 for negative spans; endless ones become about 146 years.</summary>
    public static long Of(TimeSpan span) =>
        span.Ticks <= 0 ? 0
        : span.Ticks > Longest / TimeSpan.NanosecondsPerTick ? Longest
        : span.Ticks * TimeSpan.NanosecondsPerTick;
}
