using Distributed.Collectives.Reduction;
using FsCheck.Xunit;

namespace Distributed.Collectives.Tests;

/// <summary>
/// Goal: rounding is to the nearest, ties to even, for every kind of float32, alone and in vectors
/// of any length. Method: a reference that compares distances in double precision.
/// </summary>
public sealed class Bfloat16Tests
{
    private static readonly float[] Interesting = CollectInteresting();

    [Fact]
    public void EveryInterestingValueIsRoundedToTheNearest()
    {
        foreach (float value in Interesting)
            Assert.Equal(Reference(value), Canonical(Bfloat16.Round(value)));
    }

    [Property(MaxTest = 10_000)]
    public bool AnyBitsAreRoundedToTheNearest(uint bits) =>
        Reference(BitConverter.UInt32BitsToSingle(bits))
            == Canonical(Bfloat16.Round(BitConverter.UInt32BitsToSingle(bits)));

    [Fact]
    public void ABfloat16ComesBackFromAFloat32()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var value = (ushort)bits;
            Assert.Equal(Canonical(value), Canonical(Bfloat16.Round(Bfloat16.Widen(value))));
        }
    }

    [Fact]
    public void VectorsAreRoundedAsTheirElementsAre()
    {
        for (int length = 0; length <= Interesting.Length; length += length < 70 ? 1 : 97)
        {
            float[] values = Interesting[^length..];
            var residuals = new float[length];
            var rounded = new ushort[length];
            Bfloat16.RoundWithFeedback(values, residuals, rounded);
            for (int index = 0; index < length; index++)
            {
                float exact = Interesting[^length..][index];
                Assert.Equal(Reference(exact), Canonical(rounded[index]));
                Assert.Equal(Bfloat16.Widen(rounded[index]), values[index]);
                float left = exact - values[index];
                Assert.Equal(float.IsFinite(left) ? left : 0, residuals[index]);
            }
        }
    }

    [Fact]
    public void AResidualIsAddedBeforeTheNextRounding()
    {
        // Half of the last bit of 1 and a little less: too little alone, enough the second time.
        float[] values = new float[33];
        var residuals = new float[33];
        var rounded = new ushort[33];
        float little = 0.45f / 128;
        foreach (float expected in new[] { 1, 1 + 1f / 128, 1 })
        {
            Array.Fill(values, 1 + little);
            Bfloat16.RoundWithFeedback(values, residuals, rounded);
            Assert.All(values, value => Assert.Equal(expected, value));
        }
    }

    [Fact]
    public void VectorsAreWidenedAndAddedInFloat32()
    {
        for (int length = 0; length <= 70; length++)
        {
            ushort[] source = [.. Interesting.Take(length).Select(Bfloat16.Round)];
            var widened = new float[length];
            float[] sums = [.. Enumerable.Range(0, length).Select(index => 0.1f + index)];
            Bfloat16.Widen(source, widened);
            Bfloat16.Add(sums, source);
            for (int index = 0; index < length; index++)
            {
                Assert.Equal(Bfloat16.Widen(source[index]), widened[index]);
                Assert.Equal(0.1f + index + widened[index], sums[index]);
            }
        }
    }

    private static ushort Reference(float value)
    {
        if (float.IsNaN(value))
            return 0x7FC0;
        double magnitude = Math.Abs((double)value);
        var sign = (ushort)(float.IsNegative(value) ? 0x8000 : 0);
        uint below = BitConverter.SingleToUInt32Bits(MathF.Abs(value)) >> 16;
        if (float.IsInfinity(value))
            return (ushort)(sign | 0x7F80);
        double low = Bfloat16.Widen((ushort)below);
        double high = below + 1 == 0x7F80 ? Math.Pow(2, 128) : Bfloat16.Widen((ushort)(below + 1));
        bool up = high - magnitude < magnitude - low
            || (high - magnitude == magnitude - low && below % 2 == 1);
        return (ushort)(sign | (up ? below + 1 : below));
    }

    /// <summary>All NaN are alike.</summary>
    private static ushort Canonical(ushort value) =>
        float.IsNaN(Bfloat16.Widen(value)) ? (ushort)0x7FC0 : value;

    /// <summary>
    /// Around every border of the upper half: exact values, ties, and what lies next to them.
    /// </summary>
    private static float[] CollectInteresting()
    {
        uint[] uppers =
        [
            0, 1, 2, 3, 0x007F, 0x0080, 0x0081, 0x3F7F, 0x3F80, 0x3F81, 0x4049, 0x7F7E, 0x7F7F,
            0x7F80, 0x7F81, 0x7FC0, 0x7FFF,
        ];
        uint[] lowers = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF];
        var random = new Random(5);
        IEnumerable<float> borders =
            from upper in uppers
            from lower in lowers
            from sign in new[] { 0u, 0x8000_0000u }
            select BitConverter.UInt32BitsToSingle(sign | upper << 16 | lower);
        return
        [
            .. borders,
            .. Enumerable.Range(0, 1_000).Select(
                _ => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32))),
        ];
    }
}
