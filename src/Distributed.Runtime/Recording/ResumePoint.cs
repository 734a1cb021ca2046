using System.Text.Json;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Checkpoints;

namespace Distributed.Runtime.Recording;

/// <summary>Where a run that was stopped, or died, goes on.</summary>
/// <param name="Step">Of the newest checkpoint that can be used; 0 where there is none.</param>
/// <param name="CheckpointFolder">Absolute; empty where there is none.</param>
/// <param name="StepsToRedo">Steps on record after that one.</param>
/// <param name="PassedOver">Newer checkpoints that cannot be used, and why.</param>
public sealed record ResumePoint(
    long Step, string CheckpointFolder, long StepsToRedo, IReadOnlyList<string> PassedOver)
{
    /// <summary>
    /// Finds it, and clears the run folder of what came after it and of what writers left that
    /// died. Only while nobody works in the folder.
    /// </summary>
    /// <param name="folder">The run's.</param>
    /// <param name="keepCheckpoints">As the run spec says.</param>
    /// <exception cref="OperatingException">There are checkpoints, but none can be used; or the
    /// folder cannot be written.</exception>
    public static ResumePoint Find(string folder, int keepCheckpoints)
    {
        string metrics = Path.Combine(folder, MetricsFile.FileName);
        var store = new CheckpointStore(folder, keepCheckpoints, TimeProvider.System);
        store.SweepStale();
        MetricsFile.SweepStale(folder);
        long recorded = LastStep(metrics);
        // Where everything was killed at once, a checkpoint may be ahead of the record; going on
        // from it would leave a gap there.
        if (recorded > 0)
            store.DropAfter(recorded);
        using LoadedCheckpoint? newest = store.LoadNewestValid(
            out IReadOnlyList<RefusedCheckpoint> refused);
        if (newest is null && refused.Count > 0)
        {
            throw new OperatingException(
                $"no checkpoint in {folder} can be used ({refused[0].Reason}): expected one from "
                + "which to resume; start the run again with another --out");
        }

        long step = newest?.Manifest.Step ?? 0;
        store.DropAfter(step);
        MetricsFile.Truncate(metrics, step);
        return new ResumePoint(
            step, newest is null ? "" : Path.GetFullPath(newest.Path),
            Math.Max(0, recorded - step), [.. refused.Select(passed => passed.Reason)]);
    }

    private static long LastStep(string metrics)
    {
        long last = 0;
        foreach (JsonElement line in MetricsFile.Read(metrics))
        {
            if (line.TryGetProperty("step", out JsonElement step))
                last = Math.Max(last, step.GetInt64());
        }

        return last;
    }
}
