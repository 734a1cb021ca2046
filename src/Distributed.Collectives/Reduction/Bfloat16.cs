using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// bfloat16, the upper half of a float32: rounded to nearest, ties to even. A NaN stays one, and
/// what is nearer to the next power of two than to the largest number becomes infinite.
/// </summary>
internal static class Bfloat16
{
    private const int DroppedBits = 16;

    /// <summary>Just less than half of the last bit that is kept.</summary>
    private const uint AlmostHalf = 0x7FFF;

    /// <summary>Set in a NaN, which must not become infinite when its lower half is dropped.
    /// </summary>
    private const uint QuietBit = 0x40;

    public static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint upper = bits >> DroppedBits;
        return (ushort)(float.IsNaN(value)
            ? upper | QuietBit
            : (bits + AlmostHalf + (upper & 1)) >> DroppedBits);
    }

    public static float Widen(ushort value) =>
        BitConverter.UInt32BitsToSingle((uint)value << DroppedBits);

    /// <summary>
    /// Adds to each value what earlier roundings have left of it, rounds the sum, and replaces the
    /// value by it and the residual by what this rounding leaves; where that is not finite, by 0.
    /// </summary>
    public static void RoundWithFeedback(
        Span<float> values, Span<float> residuals, Span<ushort> rounded)
    {
        residuals = residuals[..values.Length];
        rounded = rounded[..values.Length];
        ref float value = ref MemoryMarshal.GetReference(values);
        ref float residual = ref MemoryMarshal.GetReference(residuals);
        ref ushort result = ref MemoryMarshal.GetReference(rounded);
        int half = Vector256<float>.Count;
        int at = 0;
        for (; at <= values.Length - 2 * half; at += 2 * half)
        {
            Vector256<uint> low = RoundWithFeedback(
                ref Unsafe.Add(ref value, at), ref Unsafe.Add(ref residual, at));
            Vector256<uint> high = RoundWithFeedback(
                ref Unsafe.Add(ref value, at + half), ref Unsafe.Add(ref residual, at + half));
            Vector256.Narrow(low, high).StoreUnsafe(ref Unsafe.Add(ref result, at));
        }

        for (; at < values.Length; at++)
        {
            float exact = values[at] + residuals[at];
            rounded[at] = Round(exact);
            values[at] = Widen(rounded[at]);
            float left = exact - values[at];
            residuals[at] = float.IsFinite(left) ? left : 0;
        }
    }

    public static void Widen(ReadOnlySpan<ushort> source, Span<float> target)
    {
        target = target[..source.Length];
        ref ushort from = ref MemoryMarshal.GetReference(source);
        ref float to = ref MemoryMarshal.GetReference(target);
        int at = 0;
        for (; at <= source.Length - Vector256<ushort>.Count; at += Vector256<ushort>.Count)
        {
            (Vector256<float> low, Vector256<float> high) = Widen(ref Unsafe.Add(ref from, at));
            low.StoreUnsafe(ref Unsafe.Add(ref to, at));
            high.StoreUnsafe(ref Unsafe.Add(ref to, at + Vector256<float>.Count));
        }

        for (; at < source.Length; at++)
            target[at] = Widen(source[at]);
    }

    /// <summary>Adds in float32.</summary>
    public static void Add(Span<float> target, ReadOnlySpan<ushort> source)
    {
        target = target[..source.Length];
        ref ushort from = ref MemoryMarshal.GetReference(source);
        ref float to = ref MemoryMarshal.GetReference(target);
        int half = Vector256<float>.Count;
        int at = 0;
        for (; at <= source.Length - 2 * half; at += 2 * half)
        {
            (Vector256<float> low, Vector256<float> high) = Widen(ref Unsafe.Add(ref from, at));
            ref float sum = ref Unsafe.Add(ref to, at);
            (Vector256.LoadUnsafe(ref sum) + low).StoreUnsafe(ref sum);
            sum = ref Unsafe.Add(ref sum, half);
            (Vector256.LoadUnsafe(ref sum) + high).StoreUnsafe(ref sum);
        }

        for (; at < source.Length; at++)
            target[at] += Widen(source[at]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RoundWithFeedback(ref float value, ref float residual)
    {
        Vector256<float> exact =
            Vector256.LoadUnsafe(ref value) + Vector256.LoadUnsafe(ref residual);
        Vector256<uint> rounded = Round(exact);
        Vector256<float> widened = (rounded << DroppedBits).AsSingle();
        widened.StoreUnsafe(ref value);
        Vector256<float> left = exact - widened;
        // A number less itself is 0; infinity and NaN less themselves are NaN.
        Vector256<float> isFinite = Vector256.Equals(left - left, Vector256<float>.Zero);
        (left & isFinite).StoreUnsafe(ref residual);
        return rounded;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Round(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> upper = bits >>> DroppedBits;
        Vector256<uint> rounded =
            (bits + Vector256.Create(AlmostHalf) + (upper & Vector256<uint>.One)) >>> DroppedBits;
        return Vector256.ConditionalSelect(
            Vector256.Equals(value, value).AsUInt32(), rounded,
            upper | Vector256.Create(QuietBit));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Low, Vector256<float> High) Widen(ref ushort source)
    {
        (Vector256<uint> low, Vector256<uint> high) =
            Vector256.Widen(Vector256.LoadUnsafe(ref source));
        return ((low << DroppedBits).AsSingle(), (high << DroppedBits).AsSingle());
    }
}
