namespace Distributed.Dashboard.Reports;

/// <summary>
/// Where each worker's time went, over the course of a run. Communication runs beside compute; what
/// does not fit beside it is waited for.
/// </summary>
public sealed record Timeline(string Heading, string Caption, IReadOnlyList<TimelineLane> Lanes)
    : Chart(Heading, Caption)
{
    public override string Kind => "timeline";

    public override Table Numbers() => new(
        Heading,
        ["worker", "steps", "compute (ms)", "communication (ms)", "waiting (ms)"],
        [
            .. from lane in Lanes
               from span in lane.Spans
               select (Cell[])
               [
                   lane.Name,
                   new Cell($"{span.FirstStep}–{span.LastStep}", span.FirstStep),
                   Cell.Of(span.ComputeMs, ReportNumbers.Significant),
                   Cell.Of(span.CommunicationMs, ReportNumbers.Significant),
                   Cell.Of(span.WaitMs, ReportNumbers.Significant),
               ],
        ]);
}

/// <summary>One worker.</summary>
public sealed record TimelineLane(string Name, IReadOnlyList<TimelineSpan> Spans);

/// <summary>Means of a step, over some steps.</summary>
public sealed record TimelineSpan(
    long FirstStep, long LastStep, double ComputeMs, double CommunicationMs, double WaitMs);
