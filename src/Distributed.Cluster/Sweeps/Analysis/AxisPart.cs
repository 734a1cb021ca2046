using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>A part of an axis: an interval of [0, 1], or for a choice a set of options.</summary>
internal sealed class AxisPart
{
    private readonly double low;
    private readonly double high;
    private readonly bool[] options;

    private AxisPart(double low, double high, bool[] options)
    {
        this.low = low;
        this.high = high;
        this.options = options;
        Size = options.Length == 0 ? high - low
            : (double)options.Count(isIn => isIn) / options.Length;
    }

    /// <summary>Its share of the axis.</summary>
    public double Size { get; }

    public static AxisPart All(Axis axis) =>
        new(0, 1, [.. Enumerable.Repeat(true, axis.Options)]);

    public AxisPart Below(double unit) => new(low, unit, options);

    public AxisPart From(double unit) => new(unit, high, options);

    /// <summary>Those of its options that are chosen, or those that are not.</summary>
    public AxisPart Where(bool[] chosen, bool are) =>
        new(low, high, [.. options.Select((isIn, option) => isIn && chosen[option] == are)]);

    /// <summary>The share of the axis that is in both.</summary>
    public double Overlap(AxisPart other)
    {
        if (options.Length == 0)
            return Math.Max(0, Math.Min(high, other.high) - Math.Max(low, other.low));
        int both = 0;
        for (int option = 0; option < options.Length; option++)
            both += options[option] && other.options[option] ? 1 : 0;
        return (double)both / options.Length;
    }
}

/// <summary>Where a tree says the same.</summary>
/// <param name="Parts">One of each axis.</param>
/// <param name="Value">What it says.</param>
internal sealed record TreeLeaf(AxisPart[] Parts, double Value)
{
    /// <summary>Its share of the space.</summary>
    public double Volume { get; } = Parts.Aggregate(1.0, (size, part) => size * part.Size);
}
