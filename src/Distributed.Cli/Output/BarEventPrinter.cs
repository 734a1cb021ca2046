using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Spectre.Console;

namespace Distributed.Cli.Output;

/// <summary>
/// A terminal's form: a table that grows by a line an epoch, and under it one bar for the epoch
/// that runs, redrawn in place. Drawn when an event comes rather than by a timer, so that what is
/// shown is a function of the events alone.
/// </summary>
internal sealed class BarEventPrinter : RunEventPrinter
{
    private const int BarWidthMax = 30;
    private const int BarWidthMin = 8;
    private const string EraseLine = "\r\e[2K";

    private readonly IAnsiConsole console;
    private bool barShown;
    private bool tableStarted;
    private int epochsTotal;
    private double bestAccuracy = double.NegativeInfinity;
    private (long Step, long Timestamp)? firstStep;

    public BarEventPrinter(Terminal terminal)
        : base(terminal)
    {
        console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = terminal.HasColours
                ? ColorSystemSupport.Standard
                : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(terminal.Output),
        });
        // Lines are cut here, to the terminal's width; the console must not wrap them again.
        console.Profile.Width = int.MaxValue;
    }

    protected override void Show(RunEvent happened)
    {
        switch (happened)
        {
            case WorkerUp worker:
                Line(
                    $"[grey]worker[/] {Safe(worker.Worker)} [grey]"
                    + (worker.Rank < 0 ? "hot spare" : $"rank {worker.Rank}")
                    + $" on {Safe(worker.Device)}, pid {worker.ProcessId}[/]");
                break;
            case GenerationStarted generation:
                // The first one says nothing that the workers' lines have not said.
                if (generation.Generation > 1)
                {
                    Line(
                        $"[yellow]generation {generation.Generation}[/] from step "
                        + $"{generation.Step + 1}: {Safe(string.Join(' ', generation.Workers))} "
                        + $"[grey]({Safe(generation.Reason)})[/]");
                }
                break;
            case GenerationRunning running:
                Line($"[grey]{LineEventPrinter.Recovery(running)}[/]");
                break;
            case StepCommitted step:
                ShowBar(step);
                break;
            case EpochCompleted epoch:
                ShowEpoch(epoch);
                break;
            case CheckpointSaved:
                // One every few seconds would push the table apart; the summary says where they
                // are.
                break;
            case RunCompleted run:
                Line($"[bold green]{RunSummary.Headline(run)}[/]");
                foreach ((string label, string value) in RunSummary.Lines(run))
                    Line($"  [grey]{label,-14}[/]{Safe(value)}");
                break;
            default:
                throw new InvariantException($"no line for {happened.GetType().Name}");
        }
    }

    protected override void ClearLine()
    {
        if (!barShown)
            return;
        barShown = false;
        console.Write(new ControlCode(EraseLine));
    }

    private void ShowBar(StepCommitted step)
    {
        epochsTotal = step.EpochsTotal;
        string left = $"epoch {step.Epoch}/{step.EpochsTotal} ";
        string right = $" {FractionOfEpoch(step) * 100,3:F0} %  loss {Figures.Ratio(step.Loss)}  "
            + $"{Figures.Rate(step.ImagesPerSecond)}  ETA {RemainingTime(step)}";
        // A line that reached the last column would wrap, and the next one would not erase it.
        int room = Terminal.Width - 1;
        left = Cut(left, room);
        int width = Math.Min(BarWidthMax, room - left.Length - right.Length);
        string bar = width < BarWidthMin ? "" : Bar(FractionOfEpoch(step), width);
        right = Cut(right, room - left.Length - (bar.Length > 0 ? width : 0));
        console.Write(new ControlCode(EraseLine));
        console.Markup($"[bold]{left}[/]{bar}[grey]{right}[/]");
        barShown = true;
    }

    private void ShowEpoch(EpochCompleted epoch)
    {
        if (!tableStarted)
        {
            tableStarted = true;
            Line(
                $"[bold]{"epoch",8}{"train loss",13}{"train acc",12}{"test loss",12}"
                + $"{"test acc",11}{"time",10}[/]");
        }
        string accuracy = $"{Figures.Ratio(epoch.TestAccuracy),11}";
        if (epoch.TestAccuracy > bestAccuracy)
        {
            bestAccuracy = epoch.TestAccuracy;
            accuracy = $"[green]{accuracy}[/]";
        }
        string number = epochsTotal > 0 ? $"{epoch.Epoch}/{epochsTotal}" : $"{epoch.Epoch}";
        Line(
            $"{number,8}{Figures.Ratio(epoch.TrainLoss),13}{Figures.Ratio(epoch.TrainAccuracy),12}"
            + $"{Figures.Ratio(epoch.TestLoss),12}{accuracy}{Figures.Duration(epoch.Seconds),10}");
    }

    /// <summary>
    /// Assumes epochs of equal length, which they are but for a run cut short by --steps.
    /// </summary>
    private static double FractionOfEpoch(StepCommitted step)
    {
        double epochSteps = (double)step.StepsTotal / Math.Max(1, step.EpochsTotal);
        return Math.Clamp(step.Step / epochSteps - (step.Epoch - 1), 0, 1);
    }

    private static string Cut(string text, int room) =>
        text.Length > room ? text[..Math.Max(0, room)] : text;

    private static string Bar(double fraction, int width)
    {
        int full = (int)Math.Round(fraction * width);
        return $"[green]{new string('━', full)}[/][grey]{new string('─', width - full)}[/]";
    }

    private string RemainingTime(StepCommitted step)
    {
        long now = Terminal.Clock.GetTimestamp();
        // The run may have gone back to before the first step that was seen.
        if (firstStep is null || step.Step < firstStep.Value.Step)
            firstStep = (step.Step, now);
        double seconds = Terminal.Clock.GetElapsedTime(firstStep.Value.Timestamp, now).TotalSeconds;
        long done = step.Step - firstStep.Value.Step;
        return done <= 0 || seconds <= 0
            ? Figures.None
            : Figures.Duration((step.StepsTotal - step.Step) * seconds / done);
    }

    private void Line(string markup)
    {
        ClearLine();
        console.MarkupLine(markup);
    }

    private static string Safe(string text) => Markup.Escape(Shown.Line(text));
}
