using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;

namespace Distributed.Cluster.Workers;

/// <summary>
/// The reports of a job that no coordinator has confirmed as recorded yet: a coordinator that takes
/// over is told all of them again.
/// </summary>
/// <param name="lastSequence">Of the worker's last report about any job: what is confirmed late is
/// then never taken for a report of this one.</param>
internal sealed class ReportOutbox(long lastSequence)
{
    private readonly Queue<ReportSent> kept = [];
    private long lastSequence = lastSequence;

    public long LastSequence => lastSequence;

    /// <summary>Committed steps among them.</summary>
    public int StepCount { get; private set; }

    public IEnumerable<ReportSent> Kept => kept;

    public ReportSent Add(JobReport report)
    {
        var sent = new ReportSent(++lastSequence, report);
        kept.Enqueue(sent);
        StepCount += StepsIn(report);
        return sent;
    }

    /// <summary>Forgets what is on record.</summary>
    public void Drop(long upToSequence)
    {
        while (kept.TryPeek(out ReportSent? oldest) && oldest.Sequence <= upToSequence)
            StepCount -= StepsIn(kept.Dequeue().Report);
    }

    private static int StepsIn(JobReport report) =>
        report is StepsCommitted steps ? steps.Steps.Count : 0;
}
