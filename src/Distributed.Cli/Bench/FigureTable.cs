namespace Distributed.Cli.Bench;

/// <summary>Figures of one number each: how they are named, shown and printed as JSON.</summary>
internal sealed class FigureTable(BenchOutput output, string title)
{
    private readonly List<IReadOnlyList<string>> _rows = [];

    public void Add(string figure, string unit, IEnumerable<double> samples)
    {
        Spread spread = Spread.Of(samples);
        _rows.Add(
        [
            figure, Number.Of(spread.Median), Number.Of(spread.P10), Number.Of(spread.P90), unit,
        ]);
        output.Json(new
        {
            Figure = figure,
            Unit = unit,
            Median = Number.Round(spread.Median),
            P10 = Number.Round(spread.P10),
            P90 = Number.Round(spread.P90),
        });
    }

    public void Show() => output.Table(title, ["figure", "median", "p10", "p90", "unit"], _rows);
}
