using Distributed.Cluster.Jobs;

namespace Distributed.Cli.Tests;

/// <summary>
/// A short run from its first worker to its end, for the golden tests of all forms.
/// </summary>
internal static class RunEvents
{
    public static IEnumerable<(double SecondsBefore, RunEvent Happened)> ShortRun()
    {
        yield return (0, new WorkerUp("w0", 123, "127.0.0.1:4001", 0, "cpu"));
        yield return (0, new WorkerUp("w1", 124, "127.0.0.1:4002", 1, "cpu"));
        yield return (0, new WorkerUp("w2", 125, "127.0.0.1:4003", -1, "cpu"));
        yield return (0, new GenerationStarted(1, 0, ["w0", "w1"], "the job starts"));
        yield return (1, new StepCommitted(1, 200, 1, 2, 2.302585, 4000));
        yield return (2, new StepCommitted(50, 200, 1, 2, 1.25, 5120.04));
        yield return (4, new StepCommitted(100, 200, 1, 2, 0.61, 5120));
        yield return (0.5, new EpochCompleted(1, 100, 1.4375, 0.5, 0.7125, 0.8712, 6.54321));
        yield return (0, new CheckpointSaved(100, "runs/a/checkpoints/step-100"));
        yield return (1, new GenerationStarted(2, 118, ["w0"], "w1 [left] the cluster"));
        yield return (0, new GenerationRunning(
            2, 119, new DateTimeOffset(2026, 1, 2, 5, 4, 5, 678, TimeSpan.FromHours(2)), 12.34,
            105.66, 40));
        yield return (1, new StepCommitted(150, 200, 2, 2, double.NaN, 1234567.89));
        yield return (3, new EpochCompleted(
            2, 200, 0.5, 0.82, double.NaN, double.NaN, 65.4));
        yield return (0, new RunCompleted(
            200, 12800, 0.8712, 0.3471, "0a1b", 5120, 2, 1, 0, 71.9, "runs/a"));
    }
}
