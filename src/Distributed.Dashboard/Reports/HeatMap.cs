using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports;

/// <summary>
/// Counts in a grid, coloured by their share of the row, such as a confusion matrix.
/// </summary>
public sealed record HeatMap(
    string Heading, string Caption, string RowName, string ColumnName,
    IReadOnlyList<string> Labels, IReadOnlyList<IReadOnlyList<int>> Rows) : Chart(Heading, Caption)
{
    public override string Kind => "heatMap";

    public override Table Numbers() => new(
        Heading, [$"{RowName} \\ {ColumnName}", .. Labels],
        [
            .. Rows.Select((row, index) => (Cell[])
                [Labels[index], .. row.Select(count => new Cell(Figures.Whole(count), count))]),
        ]);
}
