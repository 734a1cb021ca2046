using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>How sweeps are taken on and share the workers.</summary>
public sealed partial class CoordinatorActor
{
    private readonly SortedDictionary<ulong, RunningSweep> sweeps = [];
    private readonly List<ulong> sweepOrder = [];
    private readonly SortedDictionary<ulong, SubmittedSweep> submittedSweeps = [];
    private readonly SortedDictionary<ulong, ulong> sweepOfJob = [];

    private void OnSweepMessage(object message, IActorContext context)
    {
        switch (message)
        {
            case SubmitSweep or WatchSweep or SweepOrder when !isActing:
                TellStandby(message, context);
                break;
            case SubmitSweep submit:
                OnSubmitSweep(submit, context);
                break;
            case WatchSweep watch:
                if (sweeps.TryGetValue(watch.Sweep, out RunningSweep? watched))
                    watched.Watch(watch);
                else
                    watch.Watcher.Tell(new SweepUnknown(watch.Sweep));
                break;
            case SweepWatcherGone gone:
                if (sweeps.TryGetValue(gone.Sweep, out RunningSweep? left)
                    && left.Watchers.Remove(gone.Watcher))
                    left.Actor.Tell(gone);
                break;
            case SweepOrder order:
                OnSweepOrder(order, context);
                break;
            case SweepAppended appended:
                OnSweepSubmitted(appended, context);
                break;
            case SweepAppendRefused refused:
                StepDown($"term {refused.Lease.Term} has begun", context);
                break;
            case SubmitSweepsAgain:
                AppendSubmissions(context);
                break;
            case AttachJob attach:
                OnAttach(attach, context);
                break;
            case BenchWorkers bench:
                if (sweeps.TryGetValue(bench.Sweep, out RunningSweep? wary))
                    wary.Benched = bench.Names;
                TellCapacity();
                break;
            case SweepActivity activity:
                if (sweeps.TryGetValue(activity.Sweep, out RunningSweep? sweep))
                    sweep.HasEnded = activity.IsEnded;
                TellCapacity();
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void OnSubmitSweep(SubmitSweep submit, IActorContext context)
    {
        ulong number = submit.Submission.Sweep;
        if (sweeps.TryGetValue(number, out RunningSweep? known))
        {
            known.Watch(new WatchSweep(number, Since: 0, submit.Watcher));
            return;
        }

        if (submittedSweeps.TryGetValue(number, out SubmittedSweep? waiting))
        {
            waiting.Watchers.Add(submit.Watcher);
            return;
        }

        submittedSweeps.Add(number, new SubmittedSweep(submit.Submission, [submit.Watcher]));
        store.AppendSweep(lease!.Term, [submit.Submission], context.Self);
    }

    private void AppendSubmissions(IActorContext context)
    {
        if (!isActing)
            return;
        foreach (SubmittedSweep submitted in submittedSweeps.Values)
            store.AppendSweep(lease!.Term, [submitted.Submission], context.Self);
    }

    private void OnSweepSubmitted(SweepAppended appended, IActorContext context)
    {
        if (!isActing || !submittedSweeps.Remove(appended.Sweep, out SubmittedSweep? submitted))
            return;
        RunningSweep sweep = StartSweep([submitted.Submission], context);
        foreach (IActorRef watcher in submitted.Watchers)
            sweep.Watch(new WatchSweep(appended.Sweep, Since: 0, watcher));
        TellCapacity();
    }

    private RunningSweep StartSweep(IReadOnlyList<SweepDecision> history, IActorContext context)
    {
        SweepState state = SweepState.Of(history);
        LeaseHold held = lease!;
        context.Publish(new SweepObserved([.. history]));
        context.Log.Info(
            $"sweep {state.Description.Name} ({state.Sweep:x16}) is taken on with "
            + $"{state.Trials.Count} of {state.TrialsWanted} trials begun");
        IActorRef actor = context.Spawn(
            $"sweep-{state.Sweep:x16}-{held.Term}",
            () => new SweepActor(
                SweepState.Of(history), [.. history], held, store, trialPort, settings));
        var sweep = new RunningSweep(actor, state.Description.Limits)
        {
            HasEnded = state.EndReason is not null,
        };
        sweeps.Add(state.Sweep, sweep);
        sweepOrder.Add(state.Sweep);
        return sweep;
    }

    private void OnSweepOrder(SweepOrder order, IActorContext context)
    {
        if (sweeps.TryGetValue(order.Sweep, out RunningSweep? sweep))
        {
            sweep.Actor.Tell(order, context.Sender);
            return;
        }

        context.Reply(new SweepOrderReply(
            false,
            $"the cluster knows no sweep {order.Sweep:x16}: expected one that goes on or ended "
            + "within the last hour"));
    }

    private void OnAttach(AttachJob attach, IActorContext context)
    {
        bool isSubmitted = submissions.TryGetValue(attach.Job, out List<IActorRef>? watchers);
        if (!isSubmitted && !jobs.ContainsKey(attach.Job) && !ended.ContainsKey(attach.Job))
        {
            attach.Watcher.Tell(new JobUnknown(attach.Job));
            return;
        }

        if (!ended.ContainsKey(attach.Job))
            sweepOfJob[attach.Job] = attach.Sweep;
        if (jobs.TryGetValue(attach.Job, out RunningJob? job))
            context.Publish(new JobObserved(attach.Job, job.Description, attach.Sweep));
        if (isSubmitted)
            watchers!.Add(attach.Watcher);
        else
            OnWatch(new WatchJob(attach.Job, EpochsSeen: 0, ReturnsSeen: 0, attach.Watcher));
    }

    private bool IsBenched(Member member, ulong job) =>
        sweepOfJob.TryGetValue(job, out ulong number)
        && sweeps.TryGetValue(number, out RunningSweep? sweep)
        && sweep.Benched.Contains(member.Identity.Name);

    /// <summary>
    /// Sweeps share the workers that no other job needs, evenly, but each gets as many as whole
    /// trials take and no more than it has use for; where it does not come out the oldest goes
    /// first.
    /// </summary>
    private void TellCapacity()
    {
        List<RunningSweep> active =
            [.. sweepOrder.Select(number => sweeps[number]).Where(sweep => !sweep.HasEnded)];
        if (active.Count == 0)
            return;
        int usable = members.Values.Count(member => member.IsUsable);
        int others = jobs.Where(job => !sweepOfJob.ContainsKey(job.Key))
            .Sum(job => job.Value.Description.WorkerCount);
        int left = Math.Max(0, usable - others);
        int[] shares = new int[active.Count];
        while (MostInNeed(active, shares, left) is { } next)
        {
            shares[next] += active[next].WorkersPerTrial;
            left -= active[next].WorkersPerTrial;
        }

        for (int index = 0; index < active.Count; index++)
        {
            RunningSweep sweep = active[index];
            int benched = members.Values.Count(
                member => sweep.Benched.Contains(member.Identity.Name));
            sweep.TellCapacity(Math.Min(shares[index], Math.Max(0, usable - benched)));
        }
    }

    /// <summary>Whose next trial there are workers for; null where nobody's.</summary>
    private static int? MostInNeed(List<RunningSweep> active, int[] shares, int left)
    {
        int? found = null;
        for (int index = 0; index < active.Count; index++)
        {
            int workers = active[index].WorkersPerTrial;
            if (workers <= left && shares[index] + workers <= active[index].WorkersMax
                && (found is not { } best || shares[index] < shares[best]))
                found = index;
        }

        return found;
    }

    private void StopSweeps(IActorContext context)
    {
        var standsBy = new CoordinatorStandsBy(LeaderAddress);
        foreach (RunningSweep sweep in sweeps.Values)
        {
            context.Stop(sweep.Actor);
            foreach (IActorRef watcher in sweep.Watchers)
                watcher.Tell(standsBy);
        }

        foreach (IActorRef watcher in submittedSweeps.Values.SelectMany(sweep => sweep.Watchers))
            watcher.Tell(standsBy);
        sweeps.Clear();
        sweepOrder.Clear();
        submittedSweeps.Clear();
        sweepOfJob.Clear();
    }

    private sealed class RunningSweep(IActorRef actor, SweepLimits limits)
    {
        private int toldWorkers = -1;

        public IActorRef Actor => actor;

        public int WorkersPerTrial => limits.WorkersPerTrial;

        /// <summary>More than these would have nothing to do.</summary>
        public long WorkersMax => limits.ConcurrentTrials == 0
            ? long.MaxValue
            : (long)limits.ConcurrentTrials * limits.WorkersPerTrial;

        public bool HasEnded { get; set; }

        public IReadOnlyCollection<string> Benched { get; set; } = [];

        public List<IActorRef> Watchers { get; } = [];

        public void Watch(WatchSweep watch)
        {
            Watchers.Add(watch.Watcher);
            actor.Tell(watch);
        }

        public void TellCapacity(int workers)
        {
            if (workers == toldWorkers)
                return;
            toldWorkers = workers;
            actor.Tell(new SweepCapacity(workers));
        }
    }

    private sealed record SubmittedSweep(SweepSubmitted Submission, List<IActorRef> Watchers);

    private sealed record SubmitSweepsAgain
    {
        public static SubmitSweepsAgain Instance { get; } = new();
    }
}
