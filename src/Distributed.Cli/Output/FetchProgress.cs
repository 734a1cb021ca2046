using System.Globalization;
using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Cli.Output;

/// <summary>
/// Shows on standard error how far a dataset's fetch is: a line that is redrawn on a terminal, a
/// line a stage otherwise.
/// </summary>
internal sealed class FetchProgress(Terminal terminal) : IProgress<DatasetProgress>, IDisposable
{
    private readonly Lock gate = new();
    private string said = "";
    private bool lineShown;

    public void Report(DatasetProgress value)
    {
        lock (gate)
        {
            string percent = (value.Fraction * 100).ToString("F0", CultureInfo.InvariantCulture);
            string line = terminal.IsErrorInteractive ? $"{value.Text}  {percent} %" : value.Text;
            line = Shown.Line(line);
            if (line == said)
                return;
            said = line;
            if (terminal.IsErrorInteractive)
                terminal.Error.Write($"\r\e[2K{Cut(line)}");
            else
                terminal.Error.WriteLine(line);
            lineShown = terminal.IsErrorInteractive;
        }
    }

    public void Dispose()
    {
        if (lineShown)
            terminal.Error.Write("\r\e[2K");
    }

    private string Cut(string line) =>
        line.Length < terminal.Width ? line : line[..(terminal.Width - 1)];
}
