using Distributed.Dashboard.Reports;

namespace Distributed.Dashboard.Tests;

public sealed class MarkdownReportTests
{
    /// <summary>
    /// Against a file that people have read. A change that is meant is taken over with the command
    /// that the failure names.
    /// </summary>
    [Fact]
    public void AllBlocksLookAsTheyDid()
    {
        using var text = new StringWriter();
        MarkdownReport.Write(SampleReport.Create(), text);
        string golden = Path.Combine(AppContext.BaseDirectory, "Golden", "sample.md");
        string actual = Path.Combine(AppContext.BaseDirectory, "Golden", "sample.actual.md");
        File.WriteAllText(actual, text.ToString());
        Assert.True(
            File.ReadAllText(golden) == text.ToString(),
            $"the Markdown differs; look at: diff {golden} {actual}");
    }

    [Fact]
    public void LongChartsAreThinnedAndTablesAreNot()
    {
        var line = new LineSeries(
            "a", [.. Enumerable.Range(0, 1000).Select(x => new ChartPoint(x, x))]);
        var table = new Table(
            "rows", ["x"], [.. Enumerable.Range(0, 1000).Select(x => (Cell[])[Cell.Whole(x)])]);
        using var text = new StringWriter();
        MarkdownReport.Write(
            new Report(
                "a", "b",
                [
                    new Section(
                        "c", "",
                        [new LineChart("d", "e.", new Axis("x"), new Axis("y"), [line]), table]),
                ]),
            text);
        string[] lines = text.ToString().Split('\n');
        Assert.Contains("60 of 1,000 rows; the HTML report has all.", lines);
        Assert.Contains("| 999 | 999 |", lines);
        Assert.Equal(
            1000, lines.Count(line => line.StartsWith("| ", StringComparison.Ordinal)
                && line.Count(letter => letter == '|') == 2 && char.IsAsciiDigit(line[2])));
    }
}
