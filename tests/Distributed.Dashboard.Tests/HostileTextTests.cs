using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Html;

namespace Distributed.Dashboard.Tests;

/// <summary>
/// Goal: a report shows what a name hides: no control character and no mark of direction of a
/// worker's, a run's or a class's name is left in it, in either form.
/// </summary>
public sealed class HostileTextTests
{
    private const string Hostile = "a\u001b[2Jb\u202egnp.exe\u2066\u009b31m\0<img onerror=x>";

    [Fact]
    public void NothingHiddenIsLeft()
    {
        using var html = new StringWriter();
        HtmlReport.Write(Create(), html);
        using var markdown = new StringWriter();
        MarkdownReport.Write(Create(), markdown);
        foreach (string text in new[] { html.ToString(), markdown.ToString() })
        {
            Assert.DoesNotContain(
                text, letter => letter is '\u001b' or '\u202e' or '\u2066' or '\u009b' or '\0');
            Assert.DoesNotContain("&#x1B;", text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("&#x202E;", text, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("u202egnp.exe", text, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("<img onerror", html.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ALabelOfAChartIsSeen()
    {
        using var html = new StringWriter();
        var line = new LineSeries(Hostile, [new ChartPoint(1, 2)]);
        HtmlReport.Write(
            new Report(
                "a", "b",
                [
                    new Section(
                        "c", "", [new LineChart("d", "e.", new Axis("x"), new Axis("y"), [line])]),
                ]),
            html);
        Assert.Contains(@"\\u202egnp.exe", html.ToString(), StringComparison.Ordinal);
    }

    private static Report Create() => new(
        Hostile, Hostile,
        [
            new Section(
                Hostile, Hostile,
                [
                    new Paragraph(Hostile), new CodeBlock(Hostile, Hostile),
                    new FactList([new(Hostile, Hostile)]),
                    new Table(Hostile, [Hostile], [[Hostile]]),
                ]),
        ]);
}
