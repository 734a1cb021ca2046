using System.Globalization;

namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// A dimension as numbers. Its values are option indices or the numbers themselves; on the unit
/// interval each value has a cell as wide as it is likely to be drawn, and a value that varies
/// without steps is a point.
/// </summary>
internal sealed class Axis
{
    private readonly double low;
    private readonly double high;
    private readonly double step;
    private readonly bool isLogarithmic;
    private readonly double warpedLow;
    private readonly double warpedHigh;

    public Axis(Dimension dimension)
    {
        Dimension = dimension;
        switch (dimension)
        {
            case ChoiceDimension choice:
                Options = choice.Options.Count;
                (low, high, step) = (0, Options - 1, 1);
                break;
            case IntegerDimension whole:
                (low, step) = (whole.Low, whole.Step);
                high = whole.Low + ((whole.High - whole.Low) / whole.Step * whole.Step);
                isLogarithmic = whole.IsLogarithmic;
                break;
            case RealDimension real:
                (low, high, step) = (real.Low, real.High, real.Step ?? 0);
                isLogarithmic = real.IsLogarithmic;
                if (step > 0)
                    high = Stepped(StepsBetween(low, high, step));
                break;
            default:
                throw new ArgumentException($"{dimension.Name} is of no known kind");
        }
        double below = isLogarithmic ? Math.Min(step, low) / 2 : step / 2;
        warpedLow = Warp(low - below);
        warpedHigh = Warp(high + (step / 2));
    }

    public Dimension Dimension { get; }

    /// <summary>How many a choice has; 0 for numbers.</summary>
    public int Options { get; }

    public bool IsChoice => Options > 0;

    public bool IsDiscrete => step > 0;

    /// <summary>How many values there are; null where they are without steps.</summary>
    public long? ValueCount => IsDiscrete ? (long)Math.Round((high - low) / step) + 1 : null;

    public double ValueAt(long index) => Stepped(index);

    public long IndexOf(double value) => (long)Math.Round((value - low) / step);

    /// <summary>The value whose cell holds that point of [0, 1].</summary>
    public double FromUnit(double unit)
    {
        double warped = warpedLow + (unit * (warpedHigh - warpedLow));
        return Nearest(isLogarithmic ? Math.Exp(warped) : warped);
    }

    /// <summary>Where a value lies in [0, 1].</summary>
    public double ToUnit(double value) => warpedHigh > warpedLow
        ? Math.Clamp((Warp(value) - warpedLow) / (warpedHigh - warpedLow), 0, 1) : 0.5;

    /// <summary>The part of [0, 1] that is drawn as this value.</summary>
    public (double Low, double High) Cell(double value) => (
        value <= low ? 0 : ToUnit(value - (step / 2)),
        value >= high ? 1 : ToUnit(value + (step / 2)));

    /// <summary>The closest value that may be drawn.</summary>
    public double Nearest(double number)
    {
        double inside = Math.Clamp(number, low, high);
        return IsDiscrete ? Stepped(IndexOf(inside)) : inside;
    }

    /// <summary>The value one step up or down; the same at the end.</summary>
    public double Neighbour(double value, int direction) => Nearest(value + (direction * step));

    public string Format(double value) => Dimension switch
    {
        ChoiceDimension choice => choice.Options[(int)value],
        IntegerDimension => ((long)value).ToString(CultureInfo.InvariantCulture),
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    /// <summary>The value of a text; NaN where it is none of this dimension.</summary>
    public double Parse(string text)
    {
        if (Dimension is ChoiceDimension choice)
        {
            for (int option = 0; option < Options; option++)
            {
                if (choice.Options[option] == text)
                    return option;
            }
            return double.NaN;
        }
        return double.TryParse(
            text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && number >= low && number <= high ? number : double.NaN;
    }

    private double Warp(double value) => isLogarithmic ? Math.Log(value) : value;

    private static long StepsBetween(double low, double high, double step) =>
        (long)Math.Floor(((high - low) / step) + 1e-9);

    /// <summary>
    /// Of reals in decimal, as they were written: 0.1 and two steps of 0.1 are to be 0.3, which
    /// binary arithmetic misses by a last digit.
    /// </summary>
    private double Stepped(long index)
    {
        double value = low + (index * step);
        return Dimension is RealDimension && TryDecimal(low, out decimal start)
            && TryDecimal(step, out decimal each) && Math.Abs(value) < 1e15
            ? double.Parse(
                (start + (index * each)).ToString(CultureInfo.InvariantCulture),
                CultureInfo.InvariantCulture)
            : value;
    }

    private static bool TryDecimal(double value, out decimal result)
    {
        result = 0;
        return (value == 0 || Math.Abs(value) is > 1e-12 and < 1e15) && decimal.TryParse(
            value.ToString("R", CultureInfo.InvariantCulture), NumberStyles.Float,
            CultureInfo.InvariantCulture, out result);
    }
}
