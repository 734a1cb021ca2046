namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>A parameter that is not the same in all trials.</summary>
/// <param name="Key">As the run spec has it, such as model.conv[0].filters.</param>
/// <param name="Name">The end of the key that tells it from the other ones.</param>
/// <param name="Texts">Its values in order.</param>
/// <param name="IsNumeric">Whether all of them are numbers.</param>
/// <param name="IsEverywhere">Whether every trial has it.</param>
internal sealed record VariedParameter(
    string Key, string Name, IReadOnlyList<string> Texts, bool IsNumeric, bool IsEverywhere)
{
    /// <summary>Fewer different numbers than that are shown as words.</summary>
    private const int NumbersMin = 9;

    /// <summary>From this ratio of largest to smallest on, an axis is logarithmic.</summary>
    private const double LogarithmicFrom = 50;

    /// <summary>An axis for charts in which trials without a value are not.</summary>
    public Axis Axis => IsScale ? Scale() : new Axis(Name) { Categories = Texts };

    /// <summary>An axis for charts in which trials without a value are, too.</summary>
    public Axis AxisWithNone => IsScale || IsEverywhere
        ? Axis
        : new Axis(Name) { Categories = [.. Texts, Telemetry.Figures.None] };

    private bool IsScale => IsNumeric && Texts.Count >= NumbersMin;

    /// <summary>Where a value is on an axis; NaN where it is not on it.</summary>
    public double At(string? text, Axis axis)
    {
        if (axis.Categories is not { } words)
            return SweepView.Number(text) ?? double.NaN;
        string word = text ?? Telemetry.Figures.None;
        for (int index = 0; index < words.Count; index++)
        {
            if (words[index] == word)
                return index;
        }
        return double.NaN;
    }

    /// <summary>A value in a table.</summary>
    public Cell Cell(string? text) => text is null
        ? Reports.Cell.None
        : new Cell(text, IsNumeric ? SweepView.Number(text) : null);

    private Axis Scale()
    {
        double low = SweepView.Number(Texts[0])!.Value;
        double high = SweepView.Number(Texts[^1])!.Value;
        return new Axis(Name) { IsLogarithmic = low > 0 && high / low >= LogarithmicFrom };
    }

    /// <summary>
    /// Reads `kind` of `optimizer.kind` only together: the last part of a key, with as many before
    /// it as it needs to be clear and to differ from the other keys' names.
    /// </summary>
    public static string ShortName(string key, IReadOnlyList<string> keys)
    {
        string[] parts = key.Split('.');
        for (int count = 1; count < parts.Length; count++)
        {
            string name = string.Join('.', parts[^count..]);
            string before = parts[^(count + 1)];
            bool isClear = parts[^count] is not ("kind" or "name")
                && !before.EndsWith(']');
            bool isUnique = keys.Count(other => other == name
                || other.EndsWith("." + name, StringComparison.Ordinal)) == 1;
            if (isClear && isUnique)
                return name;
        }
        return key;
    }
}
