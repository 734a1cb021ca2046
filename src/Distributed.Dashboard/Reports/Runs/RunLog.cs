using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>What a run put on record in its metrics.jsonl, by kind.</summary>
internal sealed record RunLog(
    IReadOnlyList<StepLine> Steps, IReadOnlyList<TimesLine> Times,
    IReadOnlyList<EpochCompleted> Epochs, DoneLine? Done)
{
    /// <summary>The ranks that reported, in order.</summary>
    public IReadOnlyList<int> Ranks =>
        [.. Times.Select(line => line.Origin.Rank).Distinct().Order()];

    public static RunLog Read(string folder)
    {
        RunLine[] lines = [.. RunLine.Read(Path.Combine(folder, MetricsFile.FileName))];
        return new RunLog(
            [.. lines.OfType<StepLine>()], [.. lines.OfType<TimesLine>()],
            [.. lines.OfType<EpochLine>().Select(line => line.Epoch)],
            lines.OfType<DoneLine>().LastOrDefault());
    }
}
