using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cli.Output;

/// <summary>
/// Plain lines for a pipe or a log file: one for each epoch and, so that a long epoch shows life
/// without filling the log, at most one for progress every few seconds.
/// </summary>
internal sealed class LineEventPrinter(Terminal terminal) : RunEventPrinter(terminal)
{
    internal static readonly TimeSpan BetweenProgressLines = TimeSpan.FromSeconds(5);

    private long? lastProgress;
    private int epochsTotal;

    protected override void Show(RunEvent happened)
    {
        switch (happened)
        {
            case WorkerUp worker:
                Line(
                    $"worker {worker.Worker} up: "
                    + (worker.Rank < 0 ? "hot spare" : $"rank {worker.Rank}")
                    + $" on {worker.Device}, pid {worker.ProcessId}, {worker.Address}");
                break;
            case GenerationStarted generation:
                Line(
                    $"generation {generation.Generation} from step {generation.Step + 1}: "
                    + $"{string.Join(' ', generation.Workers)} ({generation.Reason})");
                break;
            case GenerationRunning running:
                Line(Recovery(running));
                break;
            case StepCommitted step:
                ShowStep(step);
                break;
            case EpochCompleted epoch:
                ShowEpoch(epoch);
                break;
            case CheckpointSaved checkpoint:
                Line($"checkpoint of step {checkpoint.Step}: {checkpoint.Path}");
                break;
            case RunCompleted run:
                Line(RunSummary.Headline(run));
                foreach ((string label, string value) in RunSummary.Lines(run))
                    Line($"  {label,-14}{value}");
                break;
            default:
                throw new InvariantException($"no line for {happened.GetType().Name}");
        }
    }

    /// <summary>What a change of the membership took, in one line.</summary>
    internal static string Recovery(GenerationRunning running) =>
        $"generation {running.Generation} runs: step {running.Step} after "
        + $"{running.RegroupMs + running.RestoreMs + running.StepMs:0} ms (regroup "
        + $"{running.RegroupMs:0}, restore {running.RestoreMs:0}, step {running.StepMs:0})";

    private void ShowStep(StepCommitted step)
    {
        epochsTotal = step.EpochsTotal;
        long now = Terminal.Clock.GetTimestamp();
        if (lastProgress is { } last
            && Terminal.Clock.GetElapsedTime(last, now) < BetweenProgressLines)
            return;
        lastProgress = now;
        Line(
            $"epoch {step.Epoch}/{step.EpochsTotal}  step {step.Step}/{step.StepsTotal}  "
            + $"loss {Figures.Ratio(step.Loss)}  {Figures.Rate(step.ImagesPerSecond)}");
    }

    private void ShowEpoch(EpochCompleted epoch)
    {
        string total = epochsTotal > 0 ? $"/{epochsTotal}" : "";
        string test = double.IsNaN(epoch.TestAccuracy)
            ? ""
            : $"  test loss {Figures.Ratio(epoch.TestLoss)}"
                + $"  test accuracy {Figures.Ratio(epoch.TestAccuracy)}";
        Line(
            $"epoch {epoch.Epoch}{total} done  train loss {Figures.Ratio(epoch.TrainLoss)}  "
            + $"train accuracy {Figures.Ratio(epoch.TrainAccuracy)}{test}  "
            + Figures.Duration(epoch.Seconds));
    }

    private void Line(string text) => Terminal.Output.WriteLine(Shown.Line(text));
}
