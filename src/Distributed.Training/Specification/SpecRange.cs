namespace Distributed.Training.Specification;

/// <summary>The numbers that a key takes, with the words for a message.</summary>
public readonly record struct SpecRange(
    double Min, double Max, bool MinExcluded = false, bool MaxExcluded = false)
{
    public static SpecRange Positive => new(0, double.PositiveInfinity, MinExcluded: true);

    public static SpecRange NotNegative => new(0, double.PositiveInfinity);

    public static SpecRange Fraction => new(0, 1);

    public static SpecRange BelowOne => new(0, 1, MaxExcluded: true);

    public static SpecRange PositiveFraction => new(0, 1, MinExcluded: true);

    public bool Contains(double value) =>
        double.IsFinite(value)
        && (MinExcluded ? value > Min : value >= Min)
        && (MaxExcluded ? value < Max : value <= Max);

    public override string ToString()
    {
        var low = MinExcluded ? $"above {SpecWords.Of(Min)}" : $"of {SpecWords.Of(Min)} or more";
        if (double.IsPositiveInfinity(Max))
            return $"a number {low}";
        var high = MaxExcluded ? $"below {SpecWords.Of(Max)}" : $"at most {SpecWords.Of(Max)}";
        return $"a number {low} and {high}";
    }
}
