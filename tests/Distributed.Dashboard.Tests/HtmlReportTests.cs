using System.Text.Json;
using System.Xml.Linq;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Html;
using Distributed.Kernel;

namespace Distributed.Dashboard.Tests;

/// <summary>What a page is made of, whoever shows it.</summary>
public sealed class HtmlReportTests
{
    private static readonly string s_html = PageReader.Html(SampleReport.Create());
    private static readonly XElement s_page = PageReader.Parse(s_html);

    [Fact]
    public void TextsStayTexts()
    {
        // Every script is the page's own: one a chart, ECharts and report.js.
        int charts = PageReader.Charts(s_html).Count;
        Assert.Equal(7, charts);
        Assert.Equal(charts + 2, s_page.Descendants("script").Count());
        Assert.DoesNotContain("<script>alert", s_html, StringComparison.OrdinalIgnoreCase);
        string shown = SampleReport.Hostile.Replace(" %", "\u00a0%", StringComparison.Ordinal);
        Assert.Contains(
            shown, s_page.Descendants("p").Select(element => element.Value));
        Assert.Contains(shown, s_page.Descendants("td").Select(element => element.Value));
        Assert.Contains(
            "./distributed train --model 'a ``` b' # 5 %",
            s_page.Descendants("code").Select(element => element.Value));
    }

    [Fact]
    public void ChartsCarryTheirNumbersAndNoNaN()
    {
        foreach (string json in PageReader.Charts(s_html))
        {
            Assert.DoesNotContain('<', json);
            using var chart = JsonDocument.Parse(json);
            Assert.NotEmpty(chart.RootElement.GetProperty("kind").GetString()!);
        }
        using var first = JsonDocument.Parse(PageReader.Charts(s_html)[0]);
        JsonElement series = first.RootElement.GetProperty("series");
        Assert.Equal(SampleReport.Hostile, series[1].GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, series[1].GetProperty("points")[1][1].ValueKind);
        Assert.Equal("[[1,2],[2,1.5],[3,1]]", series[0].GetProperty("points").GetRawText());
    }

    [Fact]
    public void IdsAreUniqueAndWhatPointsToThemFindsThem()
    {
        string[] ids = [.. s_page.DescendantsAndSelf().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Distinct(), ids);
        IEnumerable<string> referred = s_page.Descendants().Attributes("aria-labelledby")
            .Select(label => label.Value)
            .Concat(s_page.Descendants("a").Attributes("href").Select(link => link.Value[1..]));
        Assert.Empty(referred.Except(ids));
    }

    [Fact]
    public void HeadingsAreInOrder()
    {
        int[] levels =
        [
            .. s_page.Descendants()
                .Where(element => element.Name.LocalName is ['h', >= '1' and <= '6'])
                .Select(element => element.Name.LocalName[1] - '0'),
        ];
        Assert.Equal(1, levels[0]);
        Assert.Single(levels, level => level == 1);
        Assert.All(levels.Zip(levels.Skip(1)), pair =>
            Assert.True(pair.Second <= pair.First + 1, $"h{pair.Second} after h{pair.First}"));
    }

    [Fact]
    public void EverythingCanBeReadWithoutSight()
    {
        Assert.Equal("en", s_page.Attribute("lang")!.Value);
        Assert.All(
            s_page.Descendants("img"),
            image => Assert.NotEmpty(image.Attribute("alt")!.Value));
        // Each chart has a heading, a sentence, and its numbers, or a link to them.
        XElement[] charts =
        [
            .. s_page.Descendants("figure")
                .Where(figure => figure.Attribute("class")?.Value == "chart"),
        ];
        Assert.Equal(7, charts.Length);
        Assert.All(charts, chart =>
        {
            XElement caption = chart.Element("figcaption")!;
            Assert.NotEmpty(caption.Element("h3")!.Value);
            Assert.EndsWith(".", caption.Element("p")!.Value, StringComparison.Ordinal);
            Assert.True(
                chart.Element("details")?.Descendants("td").Any() == true
                    || chart.Elements("p").Descendants("a").Any());
        });
        Assert.All(s_page.Descendants("table"), table =>
        {
            Assert.NotEmpty(table.Element("caption")!.Value);
            Assert.All(
                table.Element("thead")!.Descendants("th"),
                head => Assert.Equal("col", head.Attribute("scope")!.Value));
        });
    }

    [Fact]
    public void NothingIsLoadedFromElsewhere()
    {
        IEnumerable<string> addresses = s_page.Descendants().Attributes()
            .Where(attribute => attribute.Name.LocalName is "src" or "href")
            .Select(attribute => attribute.Value);
        Assert.All(addresses, address => Assert.True(
            address.StartsWith('#')
            || address.StartsWith("data:", StringComparison.Ordinal), address));
        Assert.Contains(
            s_page.Descendants("meta").Attributes("content").Select(content => content.Value),
            content => content.StartsWith("default-src 'none';", StringComparison.Ordinal));
        Assert.Contains("Apache", s_html, StringComparison.Ordinal);
        Assert.Contains("Mike Bostock", s_html, StringComparison.Ordinal);
    }

    [Fact]
    public void APageWithoutChartsBringsNoChartLibrary()
    {
        string html = PageReader.Html(new Report("a", "b", [new Section("c", "d", [])]));
        Assert.InRange(html.Length, 1, 100_000);
    }

    [Fact]
    public void AFolderThatCannotBeWrittenIsNamed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.PathOf("file"), "");
        string path = folder.PathOf("file/report.html");
        var failure = Assert.Throws<OperatingException>(
            () => HtmlReport.Write(SampleReport.Create(), path));
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Contains("--out", failure.Message, StringComparison.Ordinal);
    }
}
