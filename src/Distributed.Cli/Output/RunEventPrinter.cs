using Distributed.Cli.Nodes;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cli.Output;

/// <summary>
/// Shows a run to whoever started it. <see cref="Print"/> may be called from any thread. A
/// <see cref="RunFailed"/> is printed here like any other event, so the caller ends with its exit
/// code and does not throw it as well.
/// </summary>
internal abstract class RunEventPrinter : IDisposable
{
    private readonly Lock gate = new();

    protected RunEventPrinter(Terminal terminal) => Terminal = terminal;

    protected Terminal Terminal { get; }

    /// <summary>JSON lines if asked for, bars on a terminal, plain lines otherwise.</summary>
    public static RunEventPrinter Create(Terminal terminal, bool json) =>
        json ? new JsonEventPrinter(terminal)
        : terminal.IsInteractive ? new BarEventPrinter(terminal)
        : new LineEventPrinter(terminal);

    public void Print(RunEvent happened)
    {
        lock (gate)
        {
            switch (WithShortPaths(happened))
            {
                case Notice notice:
                    Complain(notice.Text);
                    break;
                case RunReturned:
                    // A notice tells why; steps and epochs are then told once more.
                    break;
                case RunFailed failed:
                    Complain(failed.Message);
                    break;
                case RunInterrupted interrupted:
                    Complain(
                        $"interrupted; the state after step {interrupted.Step} is saved: "
                        + $"./distributed train --resume --out {interrupted.RunFolder} goes on");
                    break;
                case { } shown:
                    Show(shown);
                    break;
            }
        }
    }

    /// <summary>Tells where the run can be inspected.</summary>
    public void PrintPlaces(ListeningNode coordinator)
    {
        lock (gate)
            ShowPlaces(coordinator);
    }

    public void Dispose() => ClearLine();

    protected virtual void ShowPlaces(ListeningNode coordinator)
    {
        ClearLine();
        Terminal.Output.WriteLine(InspectionHint.For(coordinator));
    }

    /// <summary>Prints an event that belongs on standard output.</summary>
    protected abstract void Show(RunEvent happened);

    /// <summary>Leaves the cursor where a line can start.</summary>
    protected virtual void ClearLine()
    {
    }

    // Nodes name folders in full; whoever typed `runs/mine` reads that better, and can paste it.
    private static RunEvent WithShortPaths(RunEvent happened) => happened switch
    {
        CheckpointSaved saved => saved with { Path = RunFolders.Short(saved.Path) },
        RunCompleted run => run with { RunFolder = RunFolders.Short(run.RunFolder) },
        RunInterrupted run => run with { RunFolder = RunFolders.Short(run.RunFolder) },
        _ => happened,
    };

    private void Complain(string message)
    {
        ClearLine();
        Terminal.Error.WriteLine($"distributed: {Shown.Line(message)}");
    }
}
