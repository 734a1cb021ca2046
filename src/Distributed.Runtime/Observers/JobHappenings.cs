using System.Globalization;
using Distributed.Cluster.Jobs;

namespace Distributed.Runtime.Observers;

/// <summary>Says what has happened in a job in one line.</summary>
internal static class JobHappenings
{
    /// <summary>Null for what happens all the time.</summary>
    public static (string Text, bool IsFailure)? Describe(RunEvent happened) => happened switch
    {
        JobAccepted => ("it is taken on", false),
        WorkerUp up => up.Rank < 0
            ? ($"{up.Worker} stands by", false)
            : ($"{up.Worker} takes rank {up.Rank} on {up.Device}", false),
        GenerationStarted started => (
            $"generation {started.Generation} from step {started.Step} on "
            + $"{string.Join(", ", started.Workers.Take(8))}"
            + (started.Workers.Count > 8 ? $" and {started.Workers.Count - 8} more" : "")
            + $": {started.Reason}",
            false),
        GenerationRunning running => (
            string.Create(
                CultureInfo.InvariantCulture,
                $"generation {running.Generation} runs after "
                + $"{running.RegroupMs + running.RestoreMs + running.StepMs:0} ms"),
            false),
        EpochCompleted epoch => (
            string.Create(
                CultureInfo.InvariantCulture,
                $"epoch {epoch.Epoch}: loss {epoch.TrainLoss:0.####}, "
                + $"test accuracy {epoch.TestAccuracy:0.####}"),
            false),
        CheckpointSaved saved => ($"a checkpoint of step {saved.Step} is at {saved.Path}", false),
        RunReturned returned => ($"it returns to the checkpoint of step {returned.Step}", true),
        Notice notice => (notice.Text, false),
        RunCompleted completed => ($"it is complete after {completed.Steps} steps", false),
        RunInterrupted interrupted => ($"it was stopped after step {interrupted.Step}", false),
        RunFailed failed => (failed.Message, true),
        _ => null,
    };
}
