using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>Where the workers' time went, and what became of them.</summary>
internal static class WorkerSections
{
    private const int SpansMax = 40;
    private const int LanesMax = 16;

    public static Section Of(RunLog log)
    {
        List<Block> blocks = [Timeline(log), Ranks(log)];
        string text = "Communication runs beside compute; a step waits only for what is not done "
            + "when compute is.";
        if (log.Done is { } done)
            text += $" {Recoveries(done)}";
        return new Section("Workers", text, blocks);
    }

    private static string Recoveries(DoneLine done) => done.Generations <= 1
        ? "The same workers did the same shards from the first step to the last."
        : $"Shards were dealt out anew {Wording.Count(done.Generations - 1, "time")}, because "
            + "workers came, went or differed in speed: "
            + $"{Wording.Count(done.StepsRedone, "step")} done again, "
            + $"{Wording.Count(done.StepsLost, "step")} lost.";

    private static Timeline Timeline(RunLog log)
    {
        long[] steps = [.. log.Times.Select(line => line.Step).Distinct().Order()];
        (long First, long Last)[] spans = [.. Spans(steps)];
        int lanes = Math.Min(log.Ranks.Count, LanesMax);
        double compute = Total(log.Times, line => line.ComputeMs);
        double wait = Total(log.Times, line => line.WaitMs);
        string caption = $"Of the time in a step, {Figures.Percent(wait / (compute + wait))} is "
            + "spent waiting for communication"
            + (lanes < log.Ranks.Count ? $"; the first {lanes} of {log.Ranks.Count} ranks." : ".");
        return new Timeline(
            "Time in a step, by rank", caption,
            [
                .. log.Ranks.Take(lanes).Select(rank => new TimelineLane(
                    $"rank {rank}",
                    [
                        .. spans.Select(span => Span(
                            span,
                            [
                                .. log.Times.Where(line => line.Origin.Rank == rank
                                    && line.Step >= span.First && line.Step <= span.Last),
                            ])),
                    ])),
            ]);
    }

    /// <summary>Spans of steps that follow on each other, of as many reports each.</summary>
    private static IEnumerable<(long First, long Last)> Spans(IReadOnlyList<long> steps)
    {
        long first = 1;
        foreach (IReadOnlyList<long> part in Thinning.Parts(steps, SpansMax))
        {
            yield return (first, part[^1]);
            first = part[^1] + 1;
        }
    }

    private static TimelineSpan Span(
        (long First, long Last) span, IReadOnlyList<TimesLine> lines) => new(
            span.First, span.Last, Mean(lines, line => line.ComputeMs),
            Mean(lines, line => line.CommunicationMs), Mean(lines, line => line.WaitMs));

    private static Table Ranks(RunLog log) => new(
        "Each rank, as means over its steps; a worker's number changes when a new process takes "
            + "the rank",
        [
            "rank", "worker", "from step", "to step", "steps", "compute (ms)",
            "communication (ms)", "waiting (ms)", "longest gap (ms)",
        ],
        [
            .. from line in log.Times
               group line by (line.Origin.Rank, line.Origin.Incarnation) into held
               orderby held.Key.Rank, held.Min(line => line.Step)
               let lines = held.ToList()
               select (Cell[])
               [
                   new Cell($"{held.Key.Rank}", held.Key.Rank),
                   $"{held.Key.Incarnation:x16}",
                   Cell.Whole(lines.Min(line => line.Step - line.Steps + 1)),
                   Cell.Whole(lines.Max(line => line.Step)),
                   Cell.Whole(lines.Sum(line => (long)line.Steps)),
                   Cell.Of(Mean(lines, line => line.ComputeMs), ReportNumbers.Significant),
                   Cell.Of(Mean(lines, line => line.CommunicationMs), ReportNumbers.Significant),
                   Cell.Of(Mean(lines, line => line.WaitMs), ReportNumbers.Significant),
                   Cell.Of(lines.Max(line => line.LongestGapMs), ReportNumbers.Significant),
               ],
        ]);

    /// <summary>Of a step; NaN where no line is.</summary>
    private static double Mean(IReadOnlyList<TimesLine> lines, Func<TimesLine, double> value) =>
        Total(lines, value) / lines.Sum(line => (long)line.Steps);

    private static double Total(
        IReadOnlyList<TimesLine> lines, Func<TimesLine, double> value) =>
        lines.Sum(line => value(line) * line.Steps);
}
