using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Distributed.Telemetry;

/// <summary>
/// How many values fall into each of TensorFlow's default buckets, whose limits are
/// ±1e-12·1.1^k. Values may come in any number of parts. Not for several threads at once.
/// </summary>
/// <remarks>
/// A bucket is found without a search or a branch: a cell of numbers with the same sign, exponent
/// and four leading fraction bits is narrower than any bucket, so that it has one limit at most.
/// </remarks>
public sealed class HistogramCounts
{
    private const int CellShift = 19;
    private const int CellsOfSign = 1 << (31 - CellShift);
    private const uint MagnitudeMask = 0x7FFFFFFF, InfinityBits = 0x7F800000;

    private static readonly double[] Positive = [.. PositiveLimits()];
    private static readonly int ZeroIndex = Positive.Length + 1;

    /// <summary>Where what is not finite is counted.</summary>
    private static readonly int NoIndex = 2 * (Positive.Length + 1) + 1;

    private static readonly (uint[] Limits, ushort[] Indices) Cells = MakeCells();

    private readonly long[] counts = new long[NoIndex + 1];

    /// <summary>Finite values.</summary>
    public long Count { get; private set; }

    /// <summary>NaN and infinite values, which are in no bucket.</summary>
    public long NotFinite { get; private set; }

    /// <summary>Zero without values.</summary>
    public double Min { get; private set; }

    /// <summary>Zero without values.</summary>
    public double Max { get; private set; }

    public double Sum { get; private set; }

    public double SumOfSquares { get; private set; }

    public static HistogramCounts Of(ReadOnlySpan<float> values)
    {
        var counts = new HistogramCounts();
        counts.Add(values);
        return counts;
    }

    /// <summary>Allocates nothing.</summary>
    public void Add(ReadOnlySpan<float> values)
    {
        var notFiniteBefore = counts[NoIndex];
        CountInto(counts, Cells.Limits, Cells.Indices, values);
        NotFinite = counts[NoIndex];
        var finite = values.Length - (NotFinite - notFiniteBefore);
        if (finite == 0)
        {
            return;
        }
        var (min, max, sum, squares) = Moments(values);
        Min = Count == 0 ? min : Math.Min(Min, min);
        Max = Count == 0 ? max : Math.Max(Max, max);
        Sum += sum;
        SumOfSquares += squares;
        Count += finite;
    }

    /// <summary>
    /// The buckets from the first to the last that hold anything, with their upper limits rising;
    /// runs of empty ones between them are one bucket.
    /// </summary>
    internal IEnumerable<(double Limit, long Count)> Buckets()
    {
        var first = Array.FindIndex(counts, 0, NoIndex, count => count > 0);
        var last = Array.FindLastIndex(counts, NoIndex - 1, NoIndex, count => count > 0);
        for (var index = first; index >= 0 && index <= last; index++)
        {
            if (counts[index] > 0 || counts[index + 1] > 0)
            {
                yield return (LimitOf(index), counts[index]);
            }
        }
    }

    /// <summary>The upper limit of a bucket.</summary>
    internal static double LimitOf(int index)
    {
        var place = index - ZeroIndex;
        var distance = Math.Abs(place);
        var limit = distance == 0 ? 0
            : distance <= Positive.Length ? Positive[distance - 1]
            : double.MaxValue;
        return place < 0 ? -limit : limit;
    }

    /// <summary>
    /// Optimised at its first call: what counts millions of numbers once would not get there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountInto(
        long[] counts, uint[] cellLimits, ushort[] cellIndices, ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            var bits = BitConverter.SingleToUInt32Bits(value);
            var cell = bits >> CellShift;
            // The sign of the difference says on which side of the limit the number is.
            var isBeyond = (cellLimits[cell] - 1 - (bits & MagnitudeMask)) >> 31;
            counts[cellIndices[(2 * cell) + isBeyond]]++;
        }
    }

    /// <summary>Of the finite ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (double Min, double Max, double Sum, double SumOfSquares) Moments(
        ReadOnlySpan<float> values)
    {
        var mins = Vector256.Create(float.PositiveInfinity);
        var maxs = Vector256.Create(float.NegativeInfinity);
        Vector256<double> sums = default, squares = default;
        var rest = values;
        while (rest.Length >= Vector256<float>.Count)
        {
            var group = Vector256.Create(rest);
            rest = rest[Vector256<float>.Count..];
            var isFinite = Vector256.LessThan(
                group.AsInt32() & Vector256.Create((int)MagnitudeMask),
                Vector256.Create((int)InfinityBits)).AsSingle();
            mins = Vector256.Min(
                mins, Vector256.ConditionalSelect(isFinite, group, mins));
            maxs = Vector256.Max(
                maxs, Vector256.ConditionalSelect(isFinite, group, maxs));
            var (lower, upper) = Vector256.Widen(group & isFinite);
            sums += lower + upper;
            squares += (lower * lower) + (upper * upper);
        }
        double min = float.PositiveInfinity, max = float.NegativeInfinity;
        for (var place = 0; place < Vector256<float>.Count; place++)
        {
            min = Math.Min(min, mins[place]);
            max = Math.Max(max, maxs[place]);
        }
        double sum = Vector256.Sum(sums), sumOfSquares = Vector256.Sum(squares);
        foreach (double value in rest)
        {
            if (double.IsFinite(value))
            {
                min = Math.Min(min, value);
                max = Math.Max(max, value);
                sum += value;
                sumOfSquares += value * value;
            }
        }
        return (min, max, sum, sumOfSquares);
    }

    private static IEnumerable<double> PositiveLimits()
    {
        for (var limit = 1e-12; limit < 1e20; limit *= 1.1)
        {
            yield return limit;
        }
    }

    /// <summary>
    /// From which magnitude on a cell's numbers are beyond the limit in it, and the buckets of
    /// those before and beyond it. Cells below zero come after the others.
    /// </summary>
    private static (uint[] Limits, ushort[] Indices) MakeCells()
    {
        var limits = new uint[2 * CellsOfSign];
        var indices = new ushort[4 * CellsOfSign];
        var below = 0;
        for (var cell = 0; cell < CellsOfSign; cell++)
        {
            var start = (uint)cell << CellShift;
            var isFinite = start < InfinityBits;
            while (isFinite && below < Positive.Length
                && Positive[below] < BitConverter.UInt32BitsToSingle(start))
            {
                below++;
            }
            // A number at a limit is above it; below zero it is so seen from the other side.
            var isInCell = isFinite && below < Positive.Length;
            limits[cell] = isInCell ? FirstFrom(Positive[below], isAbove: false) : 1u << 31;
            limits[CellsOfSign + cell] =
                isInCell ? FirstFrom(Positive[below], isAbove: true) : 1u << 31;
            var positive = isFinite ? ZeroIndex + 1 + below : NoIndex;
            var negative = isFinite ? ZeroIndex - below : NoIndex;
            var step = isInCell ? 1 : 0;
            indices[2 * cell] = (ushort)positive;
            indices[(2 * cell) + 1] = (ushort)(positive + step);
            indices[2 * (CellsOfSign + cell)] = (ushort)negative;
            indices[(2 * (CellsOfSign + cell)) + 1] = (ushort)(negative - step);
        }
        // Minus zero is no less than zero, which is a limit too: only what follows it is.
        limits[CellsOfSign] = 1;
        indices[2 * CellsOfSign] = (ushort)(ZeroIndex + 1);
        indices[(2 * CellsOfSign) + 1] = (ushort)ZeroIndex;
        return (limits, indices);
    }

    /// <summary>The bits of the first number at a limit, or above it.</summary>
    private static uint FirstFrom(double limit, bool isAbove)
    {
        var nearest = (float)limit;
        var isBefore = isAbove ? nearest <= limit : nearest < limit;
        return BitConverter.SingleToUInt32Bits(isBefore ? float.BitIncrement(nearest) : nearest);
    }
}
