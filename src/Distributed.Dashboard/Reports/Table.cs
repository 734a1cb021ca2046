namespace Distributed.Dashboard.Reports;

/// <summary>A table that readers can sort by each column.</summary>
/// <param name="Caption">What is in it; for screen readers too.</param>
/// <param name="Header">A name a column; the first column names the rows.</param>
/// <param name="Rows">Each as long as the header.</param>
public sealed record Table(
    string Caption, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<Cell>> Rows) : Block;

/// <summary>
/// A table's cell, sorted by its value where it has one, else by its text; without either it stays
/// last.
/// </summary>
public readonly record struct Cell(string Text, double? Value = null)
{
    /// <summary>Stands where there is nothing.</summary>
    public static Cell None { get; } = new(Telemetry.Figures.None);

    public static implicit operator Cell(string text) => new(text);

    /// <summary>A number; one that is not finite shows as nothing.</summary>
    public static Cell Of(double value, Func<double, string> show) =>
        double.IsFinite(value) ? new Cell(show(value), value) : None;

    public static Cell Whole(long value) => new(Telemetry.Figures.Whole(value), value);
}
