using Distributed.Simulation.Time;
using Distributed.Simulation.Workload;

namespace Distributed.Simulation.Checks;

/// <summary>
/// That every job and every sweep goes on while nothing disturbs it: within <see cref="Limit"/> of
/// the last fault it commits a new step, decides something or ends.
/// </summary>
internal sealed class Liveness(SimulatedWorld world) : IEventHandler
{
    public const long Limit = 150 * Span.Second;

    private const long Interval = 5 * Span.Second;

    public int Number => -3;

    public void Start() => world.Scheduler.Post(Interval, null, this, this);

    public void Handle(object message)
    {
        foreach (Watcher watcher in world.Watchers)
        {
            if (watcher.Job is not { } job)
                continue;
            long calmNs = Math.Max(
                Math.Max(world.Faults.LastNs, job.SubmittedNs),
                world.Watchers.Max(other => other.OrderedNs));
            long advancedNs = world.Checker.ProgressOf(job.RunSeed).AdvancedNs;
            long stillNs = world.Scheduler.NowNs - Math.Max(calmNs, advancedNs);
            if (world.Faults.ActiveCount == 0 && stillNs > Limit)
            {
                world.Checker.Fail(
                    "liveness",
                    $"job {job.Number:x16} has not gone on from step "
                    + $"{world.Checker.ProgressOf(job.RunSeed).Step} of "
                    + $"{job.Description.Schedule.StepsTotal} for "
                    + $"{Span.ToSeconds(stillNs):0} s without any fault");
            }
        }

        if (world.SweepWatcher is { Sweep: { } sweep } watching)
            ExpectProgress(sweep.Sweep, watching.AskedNs);
        world.Scheduler.Post(Interval, null, this, this);
    }

    private void ExpectProgress(ulong sweep, long askedNs)
    {
        long calmNs = Math.Max(
            Math.Max(world.Faults.LastNs, askedNs),
            world.Watchers.Max(other => other.OrderedNs));
        long stillNs = world.Scheduler.NowNs
            - Math.Max(calmNs, world.Checker.SweepAdvancedNs(sweep));
        if (world.Faults.ActiveCount == 0 && stillNs > Limit)
        {
            world.Checker.Fail(
                "liveness",
                $"sweep {sweep:x16} has decided nothing and none of its trials has gone on for "
                + $"{Span.ToSeconds(stillNs):0} s without any fault");
        }
    }
}
