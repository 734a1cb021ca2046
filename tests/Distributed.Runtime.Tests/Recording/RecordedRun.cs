using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.Recording;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>A report of a worker: the steps it saw.</summary>
internal sealed record StepReport(ReportOrigin Origin, IReadOnlyList<StepRecord> Steps);

/// <summary>
/// A small run: what its workers report, in one order, and how a coordinator puts on record what
/// is not there yet, as each worker tells all of it again.
/// </summary>
internal static class RecordedRun
{
    public const ulong WorkerA = 0xA;
    public const ulong WorkerB = 0xFEDC_BA98_7654_3210;
    public const int StepsTotal = 10;
    public const int StepsPerEpoch = 4;

    public static RunCompleted Summary { get; } = new(
        StepsTotal, 320, 0.5, double.NaN, "abc", 1000, 2, StepsRedone: 1, StepsLost: 0, 2.5, "");

    /// <summary>
    /// Worker A has rank 0 until it is lost after step 6, which B, then of rank 0, reports too.
    /// </summary>
    public static IReadOnlyList<object> Reports { get; } =
    [
        Report(WorkerA, 1, 0, 1, 3), Report(WorkerB, 1, 1, 1, 2), Report(WorkerA, 2, 0, 4, 4),
        Report(WorkerB, 2, 1, 3, 4), Epoch(1, 4), Report(WorkerA, 4, 0, 5, 6),
        Report(WorkerB, 4, 1, 5, 5), Report(WorkerB, 5, 0, 6, 6), Report(WorkerB, 6, 0, 7, 8),
        Epoch(2, 8), Report(WorkerB, 8, 0, 9, 10), Epoch(3, 10),
    ];

    public static JobDescription Describe(string folder, long startStep = 0) => new(
        "test", RunSpecReader.Read("", "test").ToYaml(), folder, WorkerCount: 2, MinWorkers: 1,
        LogicalShards: 2, ReductionOrder.Exact, GlobalBatch: 32, TrainSamples: 128, TestBatches: 1,
        new StepSchedule(StepsTotal, StepsPerEpoch, 0, 0), startStep, CheckpointFolder: "",
        Numerics: "", StepsRedone: 0, Commit: "");

    /// <summary>The same step has the same loss, whoever saw it and however often.</summary>
    public static StepRecord Step(long step, double scale = 1) => new(
        step, 1.0 / step, (int)step % 32, 32, 0.1 * step, scale * step, scale / step, scale,
        scale * (step + 1));

    /// <summary>A report of these steps.</summary>
    public static StepsCommitted Of(IReadOnlyList<StepRecord> steps) =>
        new(Job: 1, Generation: 1, Rank: 0, steps, LongestGapMs: 2.5);

    public static EpochCompleted Epoch(int epoch, long step) => new(
        epoch, step, 0.5 / epoch, 0.25, double.NaN, 1.0 / 3, epoch * 1.5);

    /// <summary>Records what a coordinator that finds <paramref name="begun"/> does not
    /// have.</summary>
    public static void RecordRest(RunFiles files, RecordingBegun begun)
    {
        long lastStep = begun.LastStep;
        files.Numerics("");
        foreach (object report in Reports)
        {
            switch (report)
            {
                case StepReport steps:
                    ReportOrigin origin = steps.Origin;
                    if (begun.LastSequences.GetValueOrDefault(origin.Incarnation)
                        < origin.Sequence)
                        files.Times(origin, Of(steps.Steps));
                    files.Steps([.. steps.Steps.Where(step => step.Step > lastStep)]);
                    lastStep = Math.Max(lastStep, steps.Steps[^1].Step);
                    break;
                case EpochCompleted epoch when begun.Epochs.All(
                    known => known.Epoch < epoch.Epoch):
                    files.Epoch(epoch);
                    break;
            }
        }

        files.Done(Summary);
    }

    private static StepReport Report(
        ulong worker, long sequence, int rank, long first, long last) => new(
            new ReportOrigin(worker, sequence, rank),
            [.. Enumerable.Range((int)first, (int)(last - first + 1))
                .Select(step => Step(step, rank + 1))]);
}
