using System.Globalization;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cli.Output;

/// <summary>
/// Shows a sweep to whoever started it: plain lines for what is decided, and on a terminal below
/// them one line that is redrawn in place. <see cref="Say"/> may be called from any thread.
/// </summary>
internal class SweepPrinter : IDisposable
{
    private const string EraseLine = "\r\e[2K";
    private const int BestShown = 10;

    private readonly Terminal terminal;
    private readonly Lock gate = new();
    private bool isLineShown;

    protected SweepPrinter(Terminal terminal) => this.terminal = terminal;

    protected Terminal Terminal => terminal;

    public static SweepPrinter Create(Terminal terminal, bool json) =>
        json ? new SweepJsonPrinter(terminal) : new SweepPrinter(terminal);

    /// <summary>What belongs on standard error.</summary>
    public void Say(string text)
    {
        lock (gate)
        {
            ClearLine();
            terminal.Error.WriteLine($"distributed: {Shown.Line(text)}");
        }
    }

    /// <summary>Where the sweep can be inspected.</summary>
    public void ShowPlaces(ListeningNode coordinator)
    {
        lock (gate)
        {
            ClearLine();
            ShowInspection(coordinator);
        }
    }

    /// <summary>A decision that the state has just taken in.</summary>
    public void Show(SweepState state, SweepDecision decision)
    {
        lock (gate)
            ShowDecision(state, decision);
    }

    /// <summary>How far a trial that runs has come.</summary>
    public void Show(SweepState state, TrialStepped stepped)
    {
        lock (gate)
            ShowProgress(state, stepped);
    }

    public void Conclude(SweepState state, SweepConclusion conclusion)
    {
        lock (gate)
        {
            ClearLine();
            ShowResult(state, conclusion);
        }
    }

    public void Dispose()
    {
        ClearLine();
        GC.SuppressFinalize(this);
    }

    protected virtual void ShowInspection(ListeningNode coordinator) =>
        PrintLine(InspectionHint.For(coordinator));

    protected void PrintLine(string line) => terminal.Output.WriteLine(line);

    protected virtual void ShowDecision(SweepState state, SweepDecision decision)
    {
        if (Line(state, decision) is not { } line)
            return;
        ClearLine();
        terminal.Output.WriteLine(Shown.Line(line));
    }

    protected virtual void ShowProgress(SweepState state, TrialStepped stepped)
    {
        if (!terminal.IsInteractive)
            return;
        int ended = state.Trials.Count(trial => trial.End is not null);
        string best = SweepRanking.Best(state) is { } first
            ? $", best {SweepRanking.Headline(state, first)} (trial {first.Number})"
            : "";
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{ended}/{state.TrialsWanted} trials done, {state.RunningCount} run{best}; trial "
            + $"{stepped.Trial}: epoch {stepped.Step.Epoch}, loss "
            + $"{Figures.Ratio(stepped.Step.Loss)}, {Figures.Rate(stepped.Step.ImagesPerSecond)}");
        text = Shown.Line(text);
        int room = terminal.Width - 1;
        terminal.Output.Write(EraseLine + (text.Length > room ? text[..room] : text));
        isLineShown = true;
    }

    protected virtual void ShowResult(SweepState state, SweepConclusion conclusion)
    {
        int count(TrialEnd end) => state.Trials.Count(trial => trial.End == end);
        terminal.Output.WriteLine(
            $"{state.Trials.Count} trials: {count(TrialEnd.Completed)} completed, "
            + $"{count(TrialEnd.Stopped)} stopped early, {count(TrialEnd.Failed)} failed, "
            + $"{count(TrialEnd.Cancelled)} cancelled");
        foreach (TrialState trial in SweepRanking.Order(state).Take(BestShown))
        {
            terminal.Output.WriteLine(
                $"  trial {trial.Number,4}  {SweepRanking.Headline(state, trial)}  after "
                + $"{trial.Epoch} epochs  {Shown.Line(Words(trial.Parameters))}");
        }

        foreach (string file in conclusion.Files)
            terminal.Output.WriteLine($"  wrote {Shown.Line(RunFolders.Short(file))}");
        if (count(TrialEnd.Failed) > 0)
        {
            terminal.Output.WriteLine(
                "  ./distributed sweep --resume --retry-failed --out "
                + $"{Shown.Line(conclusion.Folder)} tries the failed ones again");
        }

        if (conclusion.Answer.Length > 0)
            terminal.Output.WriteLine(Shown.Line(conclusion.Answer));
    }

    private static string? Line(SweepState state, SweepDecision decision) => decision switch
    {
        SweepSubmitted submitted =>
            $"sweep {submitted.Description.Name}: {submitted.Description.Limits.Trials} trials "
            + $"of up to {submitted.Description.Epochs} epochs in {submitted.Description.Folder}",
        TrialSuggested suggested =>
            $"trial {suggested.Trial} begins: {Words(suggested.Parameters)}",
        TrialContinued { Source: >= 0 } taken =>
            $"trial {taken.Trial} takes over trial {taken.Source} after epoch {taken.Epoch}: "
            + $"{Words(taken.Parameters)} ({taken.Reason})",
        LegEnded { Outcome: { End: LegEnd.Broken or LegEnd.NotRun } outcome } leg =>
            $"trial {leg.Trial} broke off: {outcome.Message}",
        TrialEnded ended => EndLine(state, ended),
        TrialRetried retried => $"trial {retried.Trial} is tried again",
        SweepPaused paused => $"paused: {paused.Reason}",
        SweepResumed => "goes on",
        SweepStopped stopped => $"stopping: {stopped.Reason}",
        TrialsAdded added => $"{added.Count} trials more: {state.TrialsWanted} in all",
        WorkerBenched worker => $"worker {worker.Worker} gets no more trials: {worker.Reason}",
        SweepEnded ended => $"the sweep has ended: {ended.Reason}",
        _ => null,
    };

    private static string EndLine(SweepState state, TrialEnded ended)
    {
        TrialState trial = state.Trials[ended.Trial];
        string result = trial.Results.Count == 0
            ? ""
            : $": {SweepRanking.Headline(state, trial)}";
        string what = ended.End switch
        {
            TrialEnd.Completed => "done",
            TrialEnd.Stopped => $"stopped after epoch {trial.Epoch}",
            TrialEnd.Failed => "failed",
            _ => "cancelled",
        };
        return ended.End == TrialEnd.Completed
            ? $"trial {ended.Trial} {what}{result}"
            : $"trial {ended.Trial} {what}{result} ({ended.Reason})";
    }

    private static string Words(IReadOnlyList<ParameterValue> parameters) =>
        string.Join("  ", parameters.Select(value => $"{value.Name}={value.Text}"));

    private void ClearLine()
    {
        if (!isLineShown)
            return;
        isLineShown = false;
        terminal.Output.Write(EraseLine);
    }
}

/// <summary>What a sweep leaves.</summary>
/// <param name="Folder">Its own.</param>
/// <param name="Files">Those that were written at its end.</param>
/// <param name="Answer">What its report says first; empty where there is none.</param>
internal sealed record SweepConclusion(
    string Folder, IReadOnlyList<string> Files, string Answer);
