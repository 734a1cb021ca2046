using System.Globalization;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Metrics;

using Tags = KeyValuePair<string, object?>[];

/// <summary>
/// What metrics tell of a cluster at one moment, with the labels that they tell it under. Jobs that
/// have ended and workers that are gone are not in it; nor are the jobs of trials, of which a sweep
/// may have any number.
/// </summary>
internal sealed record ClusterSnapshot(
    ClusterOverview Overview, IReadOnlyList<(WorkerView View, Tags Tags)> Workers,
    IReadOnlyList<(WorkerView View, Tags Tags)> Ranks,
    IReadOnlyList<(JobView View, Tags Tags)> Jobs,
    IReadOnlyList<(SweepView View, Tags Tags)> Sweeps)
{
    public static ClusterSnapshot Of(ClusterReadModel model)
    {
        IReadOnlyList<(JobView View, Tags Tags)> jobs =
        [
            .. model.Jobs().Where(job => job.Outcome is null && job.Sweep == 0)
                .Select(job => (job, JobTags(job))),
        ];
        IReadOnlyList<(WorkerView View, string Label)> workers = Named(
            model.Workers().Where(worker => !worker.IsGone));
        var tagsOf = jobs.ToDictionary(job => job.View.Job, job => job.Tags);
        return new ClusterSnapshot(
            model.Overview(),
            [.. workers.Select(worker => (worker.View, MetricTags.Of(("worker", worker.Label))))],
            [
                .. workers
                    .Where(worker => worker.View.Work.Rank >= 0
                        && tagsOf.ContainsKey(worker.View.Work.Job))
                    .Select(worker => (worker.View, MetricTags.And(
                        tagsOf[worker.View.Work.Job],
                        ("rank", worker.View.Work.Rank.ToString(CultureInfo.InvariantCulture)),
                        ("worker", worker.Label)))),
            ],
            jobs,
            [
                .. model.Sweeps()
                    .Where(sweep => !sweep.State.StartsWith("ended", StringComparison.Ordinal))
                    .Select(sweep => (sweep, MetricTags.Of(
                        ("sweep.id", $"{sweep.Sweep:x16}"),
                        ("sweep.name", sweep.Description.Name)))),
            ]);
    }

    private static Tags JobTags(JobView job) =>
        MetricTags.Of(("job.id", $"{job.Job:x16}"), ("job.name", job.Description.Name));

    /// <summary>
    /// A name that several workers have, such as a new process and the one that it replaces, would
    /// be one series with two values: all but the newest tell their incarnation too.
    /// </summary>
    private static List<(WorkerView View, string Label)> Named(
        IEnumerable<WorkerView> workers)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        return
        [
            .. workers.OrderByDescending(worker => worker.SinceUtc).Select(worker =>
                (worker, taken.Add(worker.Worker.Name)
                    ? worker.Worker.Name
                    : $"{worker.Worker.Name}#{worker.Worker.Incarnation:x16}")),
        ];
    }
}
