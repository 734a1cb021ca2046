using System.Globalization;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>What more than one palette says about workers.</summary>
internal static class Orders
{
    /// <summary>So long somebody who is gone is shown.</summary>
    private static readonly TimeSpan GoneShown = TimeSpan.FromMinutes(5);

    public static IReadOnlyList<WorkerView> GoneLately(
        InspectedNode node, IEnumerable<WorkerView> workers) =>
        [.. workers.Where(worker => worker.IsGone && node.Now - worker.SinceUtc <= GoneShown)];

    /// <summary>The names of those that have a rank in a job now; for one that has ended, those
    /// that had.</summary>
    public static IReadOnlyList<string> RanksOf(ClusterReadModel model, JobView job) =>
        job.Outcome is not null
            ? job.Workers
            :
            [
                .. model.Workers()
                    .Where(worker => !worker.IsGone && !worker.IsUnreachable
                        && worker.Work.Job == job.Job && worker.Work.Rank >= 0)
                    .OrderBy(worker => worker.Work.Rank).Select(worker => worker.Worker.Name),
            ];

    /// <summary>What it means that a worker goes.</summary>
    public static Plan PlanLeave(Call call, bool isAtOnce)
    {
        WorkerView worker = Names.FindWorker(call);
        return new Plan(
            $"takes {worker.Worker.Name} ({worker.Worker.DataAddress}) out of the cluster"
                + (isAtOnce ? " at once" : "") + $"; {Consequence(call.Node.Model, worker)}",
            new Dictionary<string, string> { ["worker"] = worker.Worker.DataAddress });
    }

    public static string Consequence(ClusterReadModel model, WorkerView worker)
    {
        JobView? job = model.Jobs().FirstOrDefault(
            job => job.Job == worker.Work.Job && job.Outcome is null);
        if (job is null)
            return "it has no job";
        string name = job.Description.Name;
        if (worker.Work.Rank < 0)
            return $"it stands by for job {name}, which goes on as it is";
        int left = RanksOf(model, job).Count(name => name != worker.Worker.Name);
        return left >= job.Description.MinWorkers
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"job {name} goes on with {left} worker{(left == 1 ? "" : "s")}")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"job {name} has {left} left and waits until there are "
                + $"{job.Description.MinWorkers}");
    }
}
