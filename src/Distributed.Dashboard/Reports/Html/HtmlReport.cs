using Distributed.Kernel;

namespace Distributed.Dashboard.Reports.Html;

/// <summary>
/// Writes a report as one HTML file that needs no other and asks the network for nothing: charts,
/// images, style and scripts are in it.
/// </summary>
public static class HtmlReport
{
    /// <summary>No page may load anything, even if a text got where it must not.</summary>
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; "
        + "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

    private const string WithoutCharts =
        "The program that wrote this page was built without npm, and so without charts; their "
        + "numbers are in the tables.";

    /// <exception cref="OperatingException">The file cannot be written.</exception>
    public static void Write(Report report, string path) =>
        ReportFile.Write(path, output => Write(report, output));

    public static void Write(Report report, TextWriter output)
    {
        var html = new HtmlWriter(output);
        html.Trusted("<!DOCTYPE html>\n");
        html.Open("html", ("lang", "en"));
        WriteHead(html, report);
        html.Open("body");
        var ids = new IdList();
        List<(Section Section, string Id)> sections =
            [.. report.Sections.Select(section => (section, ids.Of(section.Heading)))];
        html.Element("a", "Skip to the report", ("class", "skip"), ("href", "#report"));
        html.Open("header");
        html.Element("h1", report.Title);
        html.Element("p", report.Answer, ("class", "answer"));
        html.Close();
        WriteContents(html, sections);
        html.Open("main", ("id", "report"));
        var blocks = new HtmlBlocks(
            html, ids,
            sections.DistinctBy(part => part.Section.Heading)
                .ToDictionary(part => part.Section.Heading, part => part.Id));
        foreach ((Section section, string id) in sections)
            WriteSection(html, section, id, blocks);
        html.Close();
        html.Open("p", ("id", "announcement"), ("class", "unseen"), ("aria-live", "polite"));
        html.Close();
        if (blocks.HasCharts && PageParts.ECharts.Length == 0)
            html.Element("p", WithoutCharts);
        WriteScripts(html, blocks.HasCharts);
        html.Close().Close();
    }

    private static void WriteHead(HtmlWriter html, Report report)
    {
        html.Open("head");
        html.Tag("meta", ("charset", "utf-8"));
        html.Tag("meta", ("http-equiv", "Content-Security-Policy"), ("content", Policy));
        html.Tag(
            "meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        html.Tag("meta", ("name", "color-scheme"), ("content", "light dark"));
        html.Tag("meta", ("name", "description"), ("content", report.Answer));
        html.Element("title", report.Title);
        // Browsers ask the network for an icon where a page names none.
        html.Tag("link", ("rel", "icon"), ("href", "data:,"));
        html.Open("style").Trusted(PageParts.Style);
        html.Close().Close();
    }

    private static void WriteContents(
        HtmlWriter html, IReadOnlyList<(Section Section, string Id)> sections)
    {
        html.Open("nav", ("aria-label", "Contents"));
        html.Open("ol");
        foreach ((Section section, string id) in sections)
        {
            html.Open("li");
            html.Element("a", section.Heading, ("href", $"#{id}"));
            html.Close();
        }
        html.Close().Close();
    }

    private static void WriteSection(
        HtmlWriter html, Section section, string id, HtmlBlocks blocks)
    {
        html.Open("section", ("aria-labelledby", id));
        html.Element("h2", section.Heading, ("id", id));
        if (section.Text.Length > 0)
            html.Element("p", section.Text);
        foreach (Block block in section.Blocks)
            blocks.Write(block);
        html.Close();
    }

    private static void WriteScripts(HtmlWriter html, bool hasCharts)
    {
        if (hasCharts)
        {
            html.Trusted($"<!--\n{PageParts.Notice}\n-->\n");
            html.Open("script").Trusted(PageParts.ECharts);
            html.Close();
        }
        html.Open("script").Trusted(PageParts.Script);
        html.Close();
    }
}
