using Distributed.Cli.Bench.Report;
using Distributed.Cli.Output;

namespace Distributed.Cli.Bench;

/// <summary>
/// Where a benchmark's figures go: a table for people or JSON for programs, and a report where one
/// was asked for. Notes and progress go to standard error.
/// </summary>
internal sealed class BenchOutput(Terminal terminal, bool json, BenchReport? report)
{
    public void Note(string text) => terminal.Error.WriteLine($"bench: {text}");

    /// <summary>Only where somebody watches.</summary>
    public void Progress(string text)
    {
        if (terminal.IsErrorInteractive)
            terminal.Error.Write($"\r\e[K{text}…");
    }

    /// <summary>A record as a line of JSON, as soon as it is known.</summary>
    public void Json(object record)
    {
        ClearProgress();
        if (json)
            JsonLine.WriteTo(terminal.Output, record);
    }

    public void Table(
        string title, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        ClearProgress();
        report?.AddTable(title, header, rows);
        if (json)
            return;
        terminal.Output.WriteLine(title);
        foreach (string line in TextTable.Lines(header, rows))
            terminal.Output.WriteLine(line);
    }

    public void Plot(Plot plot) => report?.AddPlot(plot);

    private void ClearProgress()
    {
        if (terminal.IsErrorInteractive)
            terminal.Error.Write("\r\e[K");
    }
}
