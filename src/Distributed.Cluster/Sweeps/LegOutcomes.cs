using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps;

/// <summary>What the end of a leg's job means for its trial.</summary>
internal static class LegOutcomes
{
    /// <summary>Null where the job has not ended.</summary>
    /// <param name="happened">What the job told.</param>
    /// <param name="untilEpoch">Where the leg was to end.</param>
    /// <param name="last">What was known before the leg.</param>
    /// <param name="imagesPerSecond">Of the leg.</param>
    /// <param name="seconds">Of the leg.</param>
    public static LegOutcome? Of(
        RunEvent happened, int untilEpoch, TrialResult? last, double imagesPerSecond,
        double seconds)
    {
        switch (happened)
        {
            case RunCompleted completed:
                return new LegOutcome(
                    LegEnd.Reached,
                    Result(completed.LastEpoch!, completed.ParametersSha256), "", "");
            case RunInterrupted { LastEpoch: { } epoch } when epoch.Epoch == untilEpoch:
                return new LegOutcome(LegEnd.Reached, Result(epoch, ""), "", "");
            case RunInterrupted:
                return new LegOutcome(LegEnd.Interrupted, last, "", "");
            case RunFailed failed:
                return new LegOutcome(EndOf(failed), last, failed.Worker, failed.Message);
            default:
                return null;
        }

        TrialResult Result(EpochCompleted epoch, string hash) => new(
            epoch.Epoch, epoch.TrainLoss, epoch.TrainAccuracy, epoch.TestLoss,
            epoch.TestAccuracy, imagesPerSecond, (last?.Seconds ?? 0) + seconds, hash);
    }

    private static LegEnd EndOf(RunFailed failed) => failed switch
    {
        { IsDiskFull: true } => LegEnd.DiskFull,
        { ExitCode: ExitCodes.NotEnoughWorkers } => LegEnd.NotRun,
        { ExitCode: ExitCodes.NumericsDiverged or ExitCodes.BadUsage } => LegEnd.Hopeless,
        _ => LegEnd.Broken,
    };
}
