namespace Distributed.Kernel;

/// <summary>
/// Random numbers as pure functions of (key, counter), so that any worker can draw the value of any
/// sample without the draws before it. The mixing is SplitMix64's; its outputs are part of every
/// run's bits and never change.
/// </summary>
public static class CounterRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    /// <summary>SplitMix64's finaliser: a bijection of 64 bits.</summary>
    public static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    /// <summary>The key of one stream, for example of (seed, step, shard).</summary>
    public static ulong Key(ulong seed, ulong a, ulong b = 0, ulong c = 0)
    {
        var key = Mix(seed + GoldenGamma);
        key = Mix((key ^ a) + GoldenGamma);
        key = Mix((key ^ b) + GoldenGamma);
        return Mix((key ^ c) + GoldenGamma);
    }

    public static ulong UInt64(ulong key, ulong counter) =>
        unchecked(Mix(key + ((counter + 1) * GoldenGamma)));

    /// <summary>
    /// A number in [0, bound). The bias is below bound / 2^64, which no run can see.
    /// </summary>
    public static uint Below(ulong key, ulong counter, uint bound)
    {
        Invariant.Check(bound > 0, "CounterRandom.Below needs a bound above 0");
        return (uint)Math.BigMul(UInt64(key, counter), bound, out _);
    }

    /// <summary>A number in [0, 1) with 24 random bits.</summary>
    public static float UnitFloat(ulong key, ulong counter) =>
        (UInt64(key, counter) >> 40) * (1f / (1 << 24));

    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public static double UnitDouble(ulong key, ulong counter) =>
        (UInt64(key, counter) >> 11) * (1.0 / (1L << 53));
}
