namespace Distributed.Dashboard.Reports;

/// <summary>Points in a plane.</summary>
public sealed record ScatterChart(
    string Heading, string Caption, Axis X, Axis Y, IReadOnlyList<ScatterSeries> Series)
    : Chart(Heading, Caption)
{
    public override string Kind => "scatter";

    public override Table Numbers() => new(
        Heading, ["point", "of", X.Name, Y.Name],
        [
            .. from series in Series
               from point in series.Points
               select (Cell[])[point.Name, series.Name, X.Cell(point.X), Y.Cell(point.Y)],
        ]);
}

/// <summary>Points of one kind; connected where they are a frontier.</summary>
public sealed record ScatterSeries(
    string Name, IReadOnlyList<ScatterPoint> Points, bool IsConnected = false);

public sealed record ScatterPoint(string Name, double X, double Y);
