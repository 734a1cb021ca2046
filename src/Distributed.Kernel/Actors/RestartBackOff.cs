namespace Distributed.Kernel;

/// <summary>
/// How long a restart waits: <paramref name="Min"/>, doubled by each further restart up to
/// <paramref name="Max"/>, then up to <paramref name="RandomFactor"/> of it on top.
/// </summary>
public sealed record RestartBackOff(TimeSpan Min, TimeSpan Max, double RandomFactor = 0.2)
{
    /// <summary>The wait before the restart of that number; the first is 1.</summary>
    internal long DelayNs(int restart, Prng random)
    {
        var minNs = Min.Ticks * TimeSpan.NanosecondsPerTick;
        var maxNs = Max.Ticks * TimeSpan.NanosecondsPerTick;
        var delayNs = minNs;
        for (var doubling = 1; doubling < restart && delayNs < maxNs; doubling++)
        {
            delayNs *= 2;
        }
        delayNs = Math.Min(delayNs, maxNs);
        return delayNs + (long)(delayNs * RandomFactor * random.NextDouble());
    }
}
