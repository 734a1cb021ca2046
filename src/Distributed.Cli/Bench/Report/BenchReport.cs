using System.Text;
using System.Xml.Linq;
using Distributed.Kernel;

namespace Distributed.Cli.Bench.Report;

/// <summary>
/// One HTML file that needs no other: what was measured, on what, and by which command. It is
/// well-formed XML too.
/// </summary>
internal sealed class BenchReport(
    string path, string title, string command, DateTimeOffset at,
    IReadOnlyList<(string Name, string Value)> environment)
{
    private const string Style = """
        :root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #d5dae0;
          --c0: #0b62c4; --c1: #c4461a; --c2: #2f8132; --c3: #8040b0; --c4: #a87300;
          --c5: #0f8a8a; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #15181c;
          --faint: #3a4048; --c0: #66aaff; --c1: #ff9166; --c2: #7fce82; --c3: #c79bf0;
          --c4: #e8c060; --c5: #63d3d3; } }
        @media print { :root { --ink: #000; --paper: #fff; --faint: #bbb; }
          figure, table { break-inside: avoid; } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
          max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
        code { font-size: 90%; overflow-wrap: anywhere; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 90%; }
        th, td { padding: .15rem .6rem; border-bottom: 1px solid var(--faint); text-align: right; }
        th:first-child, td:first-child, .facts td { text-align: left; }
        figure { margin: 2rem 0; } figcaption { font-weight: 600; }
        svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
        .grid { stroke: var(--faint); stroke-width: 1; }
        .line { fill: none; stroke: currentColor; stroke-width: 2; }
        .band { fill: currentColor; opacity: .18; }
        .c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
        .c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
        """;

    private readonly List<XElement> _parts = [];

    public void AddTable(
        string heading, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        _parts.Add(new XElement("h2", heading));
        _parts.Add(new XElement(
            "table",
            new XElement("tr", header.Select(name => new XElement("th", name))),
            rows.Select(row => new XElement("tr", row.Select(cell => new XElement("td", cell))))));
    }

    public void AddPlot(Plot plot) => _parts.Add(new XElement(
        "figure", new XElement("figcaption", plot.Title), PlotSvg.Draw(plot)));

    /// <exception cref="OperatingException">The file cannot be written.</exception>
    public void Save()
    {
        try
        {
            File.WriteAllText(path, ToHtml(), new UTF8Encoding(false));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the report {path} cannot be written ({failure.Message}): expected a file in a "
                + "folder that exists; name another with --report", inner: failure);
        }
    }

    public string ToHtml()
    {
        var facts = new XElement(
            "table", new XAttribute("class", "facts"),
            environment.Select(fact => new XElement(
                "tr", new XElement("td", fact.Name), new XElement("td", fact.Value))));
        var page = new XElement(
            "html", new XAttribute("lang", "en"),
            new XElement(
                "head", new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement(
                    "meta", new XAttribute("name", "viewport"),
                    new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("title", title), new XElement("style", Style)),
            new XElement(
                "body", new XElement("h1", title),
                new XElement("p", new XElement("code", command)),
                new XElement("p", $"{at:yyyy-MM-dd HH:mm} UTC. Lines are medians, bands reach from "
                    + "the 10th to the 90th percentile."),
                _parts, new XElement("h2", "Environment"), facts));
        return $"<!DOCTYPE html>\n{page.ToString(SaveOptions.DisableFormatting)}\n";
    }
}
