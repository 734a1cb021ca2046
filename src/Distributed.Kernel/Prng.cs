using System.Numerics;

namespace Distributed.Kernel;

/// <summary>
/// xoshiro256** seeded by SplitMix64: the stateful random source of actors and simulations. Not
/// for secrets.
/// </summary>
public sealed class Prng
{
    private ulong state0;
    private ulong state1;
    private ulong state2;
    private ulong state3;

    public Prng(ulong seed)
    {
        state0 = CounterRandom.UInt64(seed, 0);
        state1 = CounterRandom.UInt64(seed, 1);
        state2 = CounterRandom.UInt64(seed, 2);
        state3 = CounterRandom.UInt64(seed, 3);
    }

    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(state1 * 5, 7) * 9;
        var shifted = state1 << 17;
        state2 ^= state0;
        state3 ^= state1;
        state1 ^= state2;
        state0 ^= state3;
        state2 ^= shifted;
        state3 = BitOperations.RotateLeft(state3, 45);
        return result;
    }

    /// <summary>A number in [0, bound), without bias.</summary>
    public ulong NextBelow(ulong bound)
    {
        Invariant.Check(bound > 0, "Prng.NextBelow needs a bound above 0");

        // Lemire's method: the low half tells which of the 2^64 draws would favour some results.
        var high = Math.BigMul(NextUInt64(), bound, out var low);
        if (low < bound)
        {
            var refused = unchecked(0 - bound) % bound;
            while (low < refused)
            {
                high = Math.BigMul(NextUInt64(), bound, out low);
            }
        }
        return high;
    }

    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1L << 53));

    /// <summary>True with the chance numerator / denominator.</summary>
    public bool NextChance(ulong numerator, ulong denominator) =>
        NextBelow(denominator) < numerator;
}
