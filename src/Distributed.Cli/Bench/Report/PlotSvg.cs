using System.Globalization;
using System.Xml.Linq;

namespace Distributed.Cli.Bench.Report;

/// <summary>Draws a plot as SVG. Colours are classes, so that the page's style decides.</summary>
internal static class PlotSvg
{
    private const int Width = 720;
    private const int Height = 400;
    private const int Left = 70;
    private const int Right = 20;
    private const int Top = 20;
    private const int Bottom = 50;
    private const int LegendLine = 18;

    /// <summary>How many colours the page's style has.</summary>
    public const int ColourCount = 6;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public static XElement Draw(Plot plot)
    {
        PlotPoint[] points = [.. plot.Series.SelectMany(series => series.Points)];
        PlotAxis x = PlotAxis.Of(
            [.. points.Select(point => point.X)], plot.IsXLog, Left, Width - Right);
        PlotAxis y = PlotAxis.Rounded(
            [.. points.SelectMany(point => new[] { point.Low, point.High })], plot.IsYLog,
            Height - Bottom, Top);
        var drawing = new XElement(
            Svg + "svg", new XAttribute("viewBox", $"0 0 {Width} {Height}"),
            new XAttribute("role", "img"), new XElement(Svg + "title", plot.Title));
        drawing.Add(Frame(plot, x, y));
        for (int index = 0; index < plot.Series.Count; index++)
            drawing.Add(DrawSeries(plot.Series[index], index, x, y));
        return drawing;
    }

    private static IEnumerable<XElement> Frame(Plot plot, PlotAxis x, PlotAxis y)
    {
        foreach (double tick in y.Ticks)
        {
            yield return Line(Left, y.At(tick), Width - Right, y.At(tick), "grid");
            yield return Text(Left - 8, y.At(tick) + 4, Number.Of(tick), "end");
        }

        foreach (double tick in x.Ticks)
        {
            yield return Line(x.At(tick), Top, x.At(tick), Height - Bottom, "grid");
            yield return Text(
                x.At(tick), Height - Bottom + 18, plot.FormatX?.Invoke(tick) ?? Number.Of(tick),
                "middle");
        }

        yield return Text((Left + Width - Right) / 2.0, Height - 8, plot.XLabel, "middle");
        XElement label = Text(16, (Top + Height - Bottom) / 2.0, plot.YLabel, "middle");
        label.SetAttributeValue(
            "transform", $"rotate(-90 16 {Place((Top + Height - Bottom) / 2.0)})");
        yield return label;
    }

    private static IEnumerable<XElement> DrawSeries(
        Series series, int index, PlotAxis x, PlotAxis y)
    {
        string colour = $"c{index % ColourCount}";
        if (series.Points.Any(point => point.High > point.Low))
        {
            IEnumerable<string> there = series.Points.Select(
                point => Pair(x.At(point.X), y.At(point.High)));
            IEnumerable<string> back = series.Points.Reverse().Select(
                point => Pair(x.At(point.X), y.At(point.Low)));
            yield return new XElement(
                Svg + "polygon", new XAttribute("class", $"band {colour}"),
                new XAttribute("points", string.Join(' ', there.Concat(back))));
        }

        yield return new XElement(
            Svg + "polyline", new XAttribute("class", $"line {colour}"),
            new XAttribute("points", string.Join(' ', series.Points.Select(
                point => Pair(x.At(point.X), y.At(point.Middle))))));
        double legend = Top + 14 + index * LegendLine;
        yield return Line(Left + 10, legend - 4, Left + 34, legend - 4, $"line {colour}");
        yield return Text(Left + 40, legend, series.Name, "start");
    }

    private static XElement Line(double x1, double y1, double x2, double y2, string kind) => new(
        Svg + "line", new XAttribute("class", kind), new XAttribute("x1", Place(x1)),
        new XAttribute("y1", Place(y1)), new XAttribute("x2", Place(x2)),
        new XAttribute("y2", Place(y2)));

    private static XElement Text(double x, double y, string text, string anchor) => new(
        Svg + "text", new XAttribute("x", Place(x)), new XAttribute("y", Place(y)),
        new XAttribute("text-anchor", anchor), text);

    private static string Pair(double x, double y) => $"{Place(x)},{Place(y)}";

    private static string Place(double value) =>
        value.ToString("0.##", CultureInfo.InvariantCulture);
}
