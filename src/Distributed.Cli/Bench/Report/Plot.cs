namespace Distributed.Cli.Bench.Report;

/// <summary>A measured point with the band around it.</summary>
internal readonly record struct PlotPoint(double X, double Middle, double Low, double High)
{
    public static PlotPoint Of(double x, Spread spread) =>
        new(x, spread.Median, spread.P10, spread.P90);

    public static PlotPoint Exactly(double x, double y) => new(x, y, y, y);
}

internal sealed record Series(string Name, IReadOnlyList<PlotPoint> Points);

/// <summary>Lines over one axis, each with its band.</summary>
internal sealed record Plot(
    string Title, string XLabel, string YLabel, IReadOnlyList<Series> Series,
    bool IsXLog = false, bool IsYLog = false, Func<double, string>? FormatX = null);
