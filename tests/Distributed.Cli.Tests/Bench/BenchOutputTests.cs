using System.Xml.Linq;
using Distributed.Cli.Bench;
using Distributed.Cli.Bench.AllReduce;
using Distributed.Cli.Bench.Report;

namespace Distributed.Cli.Tests.Bench;

/// <summary>
/// What people and programs get to read, against golden text; and a page that any reader of XML
/// accepts.
/// </summary>
public sealed class BenchOutputTests
{
    private static readonly AllReduceFigure[] Figures =
    [
        new("shm", 2, 65536, "exact", new Spread(0.0216, 0.02, 0.03), "gloo",
            new Spread(0.703, 0.65, 0.9)),
        new("shm", 2, 65536, "exact", new Spread(0.0216, 0.02, 0.03), "openmpi",
            new Spread(0.0135, 0.013, 0.02)),
        new("grpc", 4, 1 << 26, "fast", new Spread(123.4567, 110, 1234.5), null, null),
    ];

    [Fact]
    public void FiguresAreJsonLinesWithThePublishedFields()
    {
        var terminal = new FakeTerminal();
        var output = new BenchOutput(terminal.Terminal, json: true, report: null);
        foreach (AllReduceFigure figure in Figures)
            output.Json(figure.ToJson());
        output.Table("not for programs", AllReduceFigure.Header, Rows());
        Assert.Equal(Golden("bench-allreduce.jsonl"), terminal.Output);
    }

    [Fact]
    public void FiguresAreATable()
    {
        var terminal = new FakeTerminal();
        var output = new BenchOutput(terminal.Terminal, json: false, report: null);
        output.Json(Figures[0].ToJson());
        output.Table("All-reduce", AllReduceFigure.Header, Rows());
        Assert.Equal(Golden("bench-allreduce.txt"), terminal.Output);
    }

    /// <summary>
    /// 2 ranks send as much as they reduce, 4 ranks one and a half times as much.
    /// </summary>
    [Fact]
    public void BusBandwidthIsWhatEveryRankMustSend()
    {
        var two = new AllReduceFigure(
            "shm", 2, 1_000_000_000, "exact", new Spread(500, 500, 500), null, null);
        Assert.Equal(2, two.AlgorithmGbps, 9);
        Assert.Equal(2, two.BusGbps, 9);
        Assert.Equal(3, (two with { Ranks = 4 }).BusGbps, 9);
    }

    [Fact]
    public void TheReportIsOneWellFormedPage()
    {
        var report = new BenchReport(
            "unused.html", "bench <all> & reduce", "./distributed bench 'a < b'",
            DateTimeOffset.UnixEpoch, [("Processor", "A & B <1>")]);
        report.AddTable("Figures", AllReduceFigure.Header, Rows());
        foreach (Plot plot in AllReducePlots.Of(Figures))
            report.AddPlot(plot);
        report.AddPlot(new Plot(
            "One point", "x", "y", [new Series("a", [PlotPoint.Exactly(1, 0)])]));

        string html = report.ToHtml();

        Assert.StartsWith("<!DOCTYPE html>\n", html, StringComparison.Ordinal);
        XElement page = XElement.Parse(html[html.IndexOf('\n', StringComparison.Ordinal)..]);
        XNamespace svg = "http://www.w3.org/2000/svg";
        Assert.Equal(3, page.Descendants(svg + "svg").Count());
        Assert.Contains(page.Descendants("td"), cell => cell.Value == "A & B <1>");
        Assert.Contains(
            page.Descendants("code"), code => code.Value == "./distributed bench 'a < b'");
        // Nothing is fetched from elsewhere.
        Assert.DoesNotContain("src=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("href=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", html, StringComparison.Ordinal);
    }

    /// <summary>The place of each value lies within the drawing, larger values higher.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnAxisHoldsItsValues(bool isLog)
    {
        double[] values = [0.02, 0.3, 7, 123];
        PlotAxis axis = PlotAxis.Rounded(values, isLog, from: 350, to: 20);
        double[] places = [.. values.Select(axis.At)];
        Assert.Equal(places.OrderDescending(), places);
        Assert.All(places.Concat(axis.Ticks.Select(axis.At)), place =>
            Assert.InRange(place, 20 - 1e-9, 350 + 1e-9));
        Assert.InRange(axis.Ticks.Count, 2, 12);
    }

    private static IReadOnlyList<IReadOnlyList<string>> Rows() =>
        [.. Figures.Select(figure => figure.ToRow())];

    private static string Golden(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name));
}
