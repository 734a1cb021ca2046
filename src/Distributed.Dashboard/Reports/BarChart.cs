namespace Distributed.Dashboard.Reports;

/// <summary>
/// A bar a name where the axis begins at 0; else, because a bar that begins anywhere else misleads,
/// a dot.
/// </summary>
public sealed record BarChart(
    string Heading, string Caption, string NameHeader, Axis Value, IReadOnlyList<Bar> Bars)
    : Chart(Heading, Caption)
{
    public override string Kind => "bar";

    public override Table Numbers()
    {
        bool hasSpread = Bars.Any(bar => bar.Low is not null);
        List<string> header = [NameHeader, Value.Name];
        if (hasSpread)
            header.AddRange(["low", "high"]);
        return new Table(
            Heading, header,
            [
                .. Bars.Select(bar => (Cell[])
                [
                    bar.Name, Value.Cell(bar.Value),
                    .. hasSpread ? [Optional(bar.Low), Optional(bar.High)] : Array.Empty<Cell>(),
                ]),
            ]);
    }

    private Cell Optional(double? value) => Value.Cell(value ?? double.NaN);
}

/// <summary>A value, and where known how far it may be off.</summary>
public sealed record Bar(string Name, double Value, double? Low = null, double? High = null);
