using System.Text;
using Distributed.Kernel;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports;

/// <summary>
/// Writes a report as Markdown: the same words and tables, a table in a chart's place, and what
/// images show in theirs.
/// </summary>
public static class MarkdownReport
{
    /// <summary>A chart's numbers are thinned to so many rows.</summary>
    private const int ChartRowsMax = 60;

    /// <exception cref="OperatingException">The file cannot be written.</exception>
    public static void Write(Report report, string path) =>
        ReportFile.Write(path, output => Write(report, output));

    public static void Write(Report report, TextWriter output)
    {
        output.Write($"# {Escape(report.Title)}\n\n**{Escape(report.Answer)}**\n");
        foreach (Section section in report.Sections)
        {
            output.Write($"\n## {Escape(section.Heading)}\n");
            if (section.Text.Length > 0)
                output.Write($"\n{Escape(section.Text)}\n");
            foreach (Block block in section.Blocks)
                Write(block, output);
        }
    }

    private static void Write(Block block, TextWriter output)
    {
        switch (block)
        {
            case Paragraph paragraph:
                output.Write($"\n{Escape(paragraph.Text)}\n");
                break;
            case Table table:
                output.Write($"\n{Escape(table.Caption)}:\n");
                WriteTable(table.Header, table.Rows, output);
                break;
            case Chart chart:
                WriteChart(chart, output);
                break;
            case ImageGrid grid:
                WriteHeading(grid.Heading, grid.Caption, output);
                output.Write('\n');
                foreach (ReportImage image in grid.Images)
                    output.Write($"- {Escape(image.Alternative)}\n");
                break;
            case CodeBlock code:
                WriteCode(code, output);
                break;
            case FactList facts:
                WriteTable(
                    ["", ""],
                    [.. facts.Facts.Select(fact => (Cell[])[fact.Name, fact.Value])], output);
                break;
            case KeyFigures figures:
                WriteTable(
                    ["", "", ""],
                    [
                        .. figures.Figures.Select(
                            figure => (Cell[])[figure.Name, figure.Value, figure.Note]),
                    ],
                    output);
                break;
            case SideBySide several:
                foreach (Block one in several.Blocks)
                    Write(one, output);
                break;
            default:
                throw new NotSupportedException($"{block.GetType()} has no form in Markdown");
        }
    }

    private static void WriteHeading(string heading, string caption, TextWriter output) =>
        output.Write($"\n### {Escape(heading)}\n\n{Escape(caption)}\n");

    private static void WriteChart(Chart chart, TextWriter output)
    {
        WriteHeading(chart.Heading, chart.Caption, output);
        if (chart.NumbersIn is { } heading)
        {
            output.Write($"\nThe numbers are in {Escape(heading)}.\n");
            return;
        }
        Table numbers = chart.Numbers();
        IReadOnlyList<IReadOnlyList<Cell>> rows = Thinning.Evenly(numbers.Rows, ChartRowsMax);
        WriteTable(numbers.Header, rows, output);
        if (rows.Count < numbers.Rows.Count)
        {
            output.Write(
                $"\n{rows.Count} of {Figures.Whole(numbers.Rows.Count)} rows; the HTML report "
                + "has all.\n");
        }
    }

    private static void WriteCode(CodeBlock code, TextWriter output)
    {
        string fence = "```";
        while (code.Text.Contains(fence, StringComparison.Ordinal))
            fence += "`";
        string text = Shown.Lines(code.Text).TrimEnd('\n');
        output.Write($"\n{Escape(code.Label)}:\n\n{fence}\n{text}\n{fence}\n");
    }

    private static void WriteTable(
        IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<Cell>> rows, TextWriter output)
    {
        output.Write('\n');
        WriteRow(header, output);
        bool isNumber(int column) =>
            rows.Count > 0 && rows.All(row => row[column] is { Value: not null }
                || row[column] == Cell.None);
        WriteRow(
            [.. Enumerable.Range(0, header.Count).Select(index => isNumber(index) ? "--:" : "---")],
            output, isRule: true);
        foreach (IReadOnlyList<Cell> row in rows)
            WriteRow([.. row.Select(cell => cell.Text)], output);
    }

    private static void WriteRow(
        IReadOnlyList<string> cells, TextWriter output, bool isRule = false) =>
        output.Write(
            $"| {string.Join(" | ", isRule ? cells : cells.Select(Escape))} |\n");

    /// <summary>Text that Markdown shows as it is, on one line.</summary>
    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char letter in Shown.Lines(text))
        {
            if (letter is '\n' or '\r')
            {
                escaped.Append(' ');
                continue;
            }
            if (letter is '<' or '>' or '&')
            {
                escaped.Append(letter switch { '<' => "&lt;", '>' => "&gt;", _ => "&amp;" });
                continue;
            }
            if (letter is '\\' or '`' or '*' or '_' or '|' or '[' or ']')
                escaped.Append('\\');
            escaped.Append(letter);
        }
        return escaped.ToString();
    }
}
