namespace Distributed.Cluster.Sweeps.Search;

/// <summary>Reads parameters back, for models and plots.</summary>
public static class ParameterScale
{
    /// <summary>A choice's option index, or the number; NaN where the text is neither an option
    /// nor within the range.</summary>
    public static double ValueOf(Dimension dimension, string text) =>
        new Axis(dimension).Parse(text);

    /// <summary>Where a text's value lies between the dimension's ends, in [0, 1]: on a logarithmic
    /// scale where the dimension has one, options evenly apart. NaN as above.</summary>
    public static double PositionOf(Dimension dimension, string text)
    {
        var axis = new Axis(dimension);
        double value = axis.Parse(text);
        return double.IsNaN(value) ? value : axis.ToUnit(value);
    }
}
