using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps.Search;

/// <summary>What a random number is for; each purpose has its own stream. Part of every sweep's
/// bits, so that the numbers never change.</summary>
internal enum DrawPurpose
{
    Random = 1,
    SobolScramble = 2,
    TpeCandidate = 3,
    CmaEsStep = 4,
    Exploit = 5,
    Forest = 6,
}

/// <summary>Random numbers one after the other, from one key.</summary>
internal sealed class Draws(ulong key)
{
    private ulong counter;

    public static Draws Of(ulong seed, int number, int dimension, DrawPurpose purpose) =>
        new(Key(seed, number, dimension, purpose));

    public static ulong Key(ulong seed, int number, int dimension, DrawPurpose purpose) =>
        CounterRandom.Key(seed, (ulong)number, (ulong)dimension, (ulong)purpose);

    /// <summary>In [0, 1).</summary>
    public double Unit() => CounterRandom.UnitDouble(key, counter++);

    public int Below(int bound) => (int)CounterRandom.Below(key, counter++, (uint)bound);
}
