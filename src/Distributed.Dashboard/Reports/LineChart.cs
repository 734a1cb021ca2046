namespace Distributed.Dashboard.Reports;

/// <summary>Values over one axis, connected.</summary>
public sealed record LineChart(
    string Heading, string Caption, Axis X, Axis Y, IReadOnlyList<LineSeries> Series)
    : Chart(Heading, Caption)
{
    public override string Kind => "line";

    /// <summary>Of all faint lines together it has the median and the range.</summary>
    public override Table Numbers()
    {
        LineSeries[] background = [.. Series.Where(series => series.Weight == LineWeight.Faint)];
        LineSeries[] series = [.. Series.Where(series => series.Weight == LineWeight.Normal)];
        return Columns(background.Length == 0 ? series : [.. series, Summary(background)]);
    }

    private static LineSeries Summary(LineSeries[] lines)
    {
        (double X, double[] Values)[] all =
        [
            .. lines.SelectMany(line => line.Points).Where(point => double.IsFinite(point.Y))
                .GroupBy(point => point.X, point => point.Y)
                .Select(group => (group.Key, (double[])[.. group.Order()])),
        ];
        return new LineSeries(
            $"median of {lines.Length} others",
            [.. all.Select(at => new ChartPoint(at.X, at.Values[at.Values.Length / 2]))])
        {
            Band = [.. all.Select(at => new BandPoint(at.X, at.Values[0], at.Values[^1]))],
        };
    }

    private Table Columns(LineSeries[] lines)
    {
        var values = new SortedDictionary<double, Cell[]>();
        List<string> header = [X.Name];
        for (int index = 0; index < lines.Length; index++)
        {
            LineSeries series = lines[index];
            header.Add(series.Band.Count > 0 ? $"{series.Name} (range)" : series.Name);
            Dictionary<double, BandPoint> band = series.Band.ToDictionary(point => point.X);
            foreach (ChartPoint point in series.Points)
            {
                if (!values.TryGetValue(point.X, out Cell[]? row))
                {
                    values[point.X] = row = new Cell[lines.Length];
                    Array.Fill(row, Cell.None);
                }
                row[index] = Y.Cell(point.Y);
                if (band.TryGetValue(point.X, out BandPoint around))
                {
                    string text = $"{row[index].Text} ({Y.Show(around.Low)} to "
                        + $"{Y.Show(around.High)})";
                    row[index] = row[index] with { Text = text };
                }
            }
        }
        return new Table(
            Heading, header, [.. values.Select(row => (Cell[])[X.Cell(row.Key), .. row.Value])]);
    }
}

/// <summary>One line.</summary>
public sealed record LineSeries(string Name, IReadOnlyList<ChartPoint> Points)
{
    /// <summary>How far values spread around the line; empty for none.</summary>
    public IReadOnlyList<BandPoint> Band { get; init; } = [];

    public LineWeight Weight { get; init; }
}

/// <summary>How much a line stands out.</summary>
public enum LineWeight
{
    Normal,

    /// <summary>One of many in the background, without a colour of its own.</summary>
    Faint,
}

public readonly record struct BandPoint(double X, double Low, double High);
