using System.Globalization;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Html;

/// <summary>Writes the blocks of a page.</summary>
/// <param name="html">Takes them.</param>
/// <param name="ids">Of the page.</param>
/// <param name="sectionIds">Ids of the page's sections by their headings.</param>
internal sealed class HtmlBlocks(
    HtmlWriter html, IdList ids, IReadOnlyDictionary<string, string> sectionIds)
{
    /// <summary>So many rows of a table are in sight at first; a script hides the others.</summary>
    private const int RowsShown = 100;

    public bool HasCharts { get; private set; }

    public void Write(Block block)
    {
        switch (block)
        {
            case Paragraph paragraph:
                html.Element("p", paragraph.Text);
                break;
            case Table table:
                WriteTable(table);
                break;
            case Chart chart:
                WriteChart(chart);
                break;
            case ImageGrid grid:
                WriteImages(grid);
                break;
            case CodeBlock code:
                WriteCode(code);
                break;
            case FactList facts:
                WriteFacts(facts);
                break;
            case KeyFigures figures:
                WriteFigures(figures);
                break;
            case SideBySide several:
                html.Open("div", ("class", "beside"));
                foreach (Block one in several.Blocks)
                    Write(one);
                html.Close();
                break;
            default:
                throw new NotSupportedException($"{block.GetType()} has no form on a page");
        }
    }

    private void WriteTable(Table table)
    {
        string id = ids.Of(table.Caption);
        html.Open(
            "div", ("class", "scroll"), ("role", "region"), ("tabindex", "0"),
            ("aria-labelledby", id));
        html.Open("table", ("data-rows-shown", Text(RowsShown)));
        html.Element("caption", table.Caption, ("id", id));
        html.Open("thead").Open("tr");
        bool[] areWords =
            [.. Enumerable.Range(0, table.Header.Count).Select(column => IsOfWords(table, column))];
        foreach ((string name, bool isWords) in table.Header.Zip(areWords))
        {
            html.Open(
                "th", [("scope", "col"), ("aria-sort", "none"), .. Class(isWords)]);
            html.Element("button", name, ("type", "button"));
            html.Close();
        }
        html.Close().Close().Open("tbody");
        foreach (IReadOnlyList<Cell> row in table.Rows)
        {
            html.Open("tr");
            for (int index = 0; index < row.Count; index++)
                WriteCell(row[index], isName: index == 0, areWords[index]);
            html.Close();
        }
        html.Close().Close().Close();
        if (table.Rows.Count > RowsShown)
        {
            html.Element(
                "button", $"Show all {Figures.Whole(table.Rows.Count)} rows",
                ("type", "button"), ("class", "more"), ("hidden", ""));
        }
    }

    private static bool IsOfWords(Table table, int column) => table.Rows.Any(
        row => row[column] is { Value: null } cell && cell != Cell.None);

    private static (string, string)[] Class(bool isWords) => isWords ? [("class", "words")] : [];

    private void WriteCell(Cell cell, bool isName, bool isWords)
    {
        string tag = isName ? "th" : "td";
        List<(string, string)> attributes = [.. Class(isWords && !isName)];
        if (isName)
            attributes.Add(("scope", "row"));
        if (cell.Value is { } value)
            attributes.Add(("data-v", value.ToString("R", CultureInfo.InvariantCulture)));
        html.Element(tag, cell.Text, [.. attributes]);
    }

    private void WriteChart(Chart chart)
    {
        HasCharts = true;
        string id = ids.Of(chart.Heading);
        html.Open("figure", ("class", "chart"), ("aria-labelledby", id));
        html.Open("figcaption");
        html.Element("h3", chart.Heading, ("id", id));
        html.Element("p", chart.Caption);
        html.Close();
        html.Open(
            "div", ("class", "plot"), ("data-description", $"{chart.Heading}. {chart.Caption}"));
        html.Close();
        html.Open("script", ("type", "application/json")).Trusted(ChartJson.Of(chart));
        html.Close();
        if (chart.NumbersIn is { } heading && sectionIds.TryGetValue(heading, out string? there))
        {
            html.Open("p", ("class", "numbers")).Text("The numbers are in ");
            html.Element("a", heading, ("href", $"#{there}"));
            html.Text(".").Close();
        }
        else
        {
            html.Open("details");
            html.Element("summary", "Numbers");
            WriteTable(chart.Numbers());
            html.Close();
        }
        html.Close();
    }

    private void WriteImages(ImageGrid grid)
    {
        string id = ids.Of(grid.Heading);
        html.Open("figure", ("class", "images"), ("aria-labelledby", id));
        html.Open("figcaption");
        html.Element("h3", grid.Heading, ("id", id));
        html.Element("p", grid.Caption);
        html.Close();
        html.Open("ul", ("style", $"--size: {Text(grid.PixelWidth)}px"));
        foreach (ReportImage image in grid.Images)
        {
            html.Open("li");
            html.Tag(
                "img", ("alt", image.Alternative),
                ("src", $"data:image/png;base64,{Convert.ToBase64String(image.Png)}"));
            if (image.Caption.Length > 0)
                html.Element("span", image.Caption);
            html.Close();
        }
        html.Close().Close();
    }

    private void WriteCode(CodeBlock code)
    {
        html.Open("figure", ("class", "code"));
        html.Element("figcaption", code.Label);
        html.Open("pre", ("tabindex", "0"), ("aria-label", code.Label));
        html.Open("code").Verbatim(code.Text).Close();
        html.Close().Close();
    }

    private void WriteFacts(FactList facts)
    {
        html.Open("dl");
        foreach (Fact fact in facts.Facts)
        {
            html.Open("div");
            html.Element("dt", fact.Name);
            html.Element("dd", fact.Value);
            html.Close();
        }
        html.Close();
    }

    private void WriteFigures(KeyFigures figures)
    {
        html.Open("dl", ("class", "figures"));
        foreach (KeyFigure figure in figures.Figures)
        {
            html.Open("div");
            html.Element("dt", figure.Name);
            html.Element("dd", figure.Value, ("class", "value"));
            if (figure.Note.Length > 0)
                html.Element("dd", figure.Note);
            html.Close();
        }
        html.Close();
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
