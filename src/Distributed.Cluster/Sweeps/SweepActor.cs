using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps;

/// <summary>
/// One sweep on the coordinator: has its trials run, one job for each leg, judges them and begins
/// new ones. What it decides is in the store before anybody hears of it, so that a successor goes
/// on from <paramref name="state"/>.
/// </summary>
/// <param name="state">All that was decided so far; this actor's from now on.</param>
/// <param name="history">The decisions that led there.</param>
/// <param name="lease">Of this coordinator.</param>
/// <param name="store">Takes its decisions.</param>
/// <param name="port">Makes jobs of trials.</param>
/// <param name="settings">How patient it is.</param>
internal sealed class SweepActor(
    SweepState state, List<SweepDecision> history, LeaseHold lease, IClusterStore store,
    ITrialPort port, CoordinatorSettings settings) : Actor
{
    private readonly SweepDescription description = state.Description;
    private readonly SweepPlanning planning = new(
        state.Description,
        Samplers.Create(
            state.Description.Sampler, state.Description.Space, state.Description.Seed,
            state.Description.Objectives.Count),
        Schedulers.Create(
            state.Description.Scheduler, state.Description.Space, state.Description.Epochs,
            state.Description.Seed, state.Description.IsDeterministic));

    private readonly List<SweepDecision> deciding = [];
    private readonly Queue<(IActorRef Asker, long Sequence)> asking = [];
    private readonly List<IActorRef> watchers = [];
    private readonly SortedDictionary<int, RunningLeg> legs = [];
    private int workers;
    private bool isAppending;
    private bool isOutdated;
    private string toldWaiting = "";

    private long DurableCount => history.Count;

    protected override void PreStart(IActorContext context)
    {
        if (state.Benched.Count > 0)
            context.Parent!.Tell(new BenchWorkers(state.Sweep, state.Benched));
        foreach (int trial in state.In(TrialPhase.Running).ToList())
            Attach(state.Trials[trial].Leg!, context);
        context.StartPeriodicTimer(Tick.Instance, settings.RecordInterval * 4, Tick.Instance);
        Plan(context);
    }

    /// <summary>
    /// What this one knows is as old as the first: it decides nothing, and the coordinator reads
    /// the store anew, as a successor would.
    /// </summary>
    protected override void PostRestart(Exception reason, IActorContext context)
    {
        isOutdated = true;
        context.Parent!.Tell(new LeaseLost($"sweep {description.Name} failed: {reason.Message}"));
    }

    protected override void Receive(object message, IActorContext context)
    {
        // A coordinator whose lease has run out says nothing more: its successor may be at work.
        if (isOutdated || !lease.IsValid(context.NowNs))
            return;
        switch (message)
        {
            case LegHeard heard:
                OnLeg(heard, context);
                break;
            case TrialPrepared prepared:
                OnPrepared(prepared, context);
                break;
            case TrialRefused refused:
                if (Known(refused.Leg.Trial, refused.Leg.Leg) is { } leg)
                    EndLeg(leg, new LegOutcome(refused.End, Last(leg), "", refused.Message));
                break;
            case SweepCapacity capacity:
                workers = capacity.Workers;
                break;
            case SweepAppended appended:
                OnAppended(appended, context);
                break;
            case SweepAppendRefused refused:
                context.Parent!.Tell(new LeaseLost($"term {refused.Lease.Term} has begun"));
                break;
            case StoreFailed failed:
                // Whether it took effect is not known; the same again has no further effect.
                context.Log.Warning($"the store failed: {failed.Message}; trying again");
                isAppending = false;
                context.StartTimer(
                    AppendAgain.Instance, settings.LeaseInterval, AppendAgain.Instance);
                break;
            case WatchSweep watch:
                watchers.Add(watch.Watcher);
                TellMissed(watch);
                break;
            case SweepWatcherGone gone:
                watchers.Remove(gone.Watcher);
                break;
            case SweepOrder order:
                OnOrder(order, context);
                break;
            case Tick or AppendAgain or StopJobReply or CoordinatorStandsBy:
                break;
            default:
                context.Unhandled(message);
                break;
        }

        Plan(context);
    }

    /// <summary>Decides all that can be decided now.</summary>
    private void Plan(IActorContext context)
    {
        int perTrial = description.Limits.WorkersPerTrial;
        while (true)
        {
            SweepPlan plan = planning.Next(
                state, (workers / perTrial) - state.RunningCount,
                context.UtcNow.ToUnixTimeMilliseconds());
            if (plan.Decision is null)
            {
                if (toldWaiting != plan.Reason)
                    context.Log.Debug($"sweep {description.Name} waits: {plan.Reason}");
                toldWaiting = plan.Reason;
                break;
            }

            Decide(plan.Decision);
        }

        Append(context);
    }

    private void Decide(SweepDecision decision)
    {
        state.Apply(decision);
        deciding.Add(decision);
    }

    private void Append(IActorContext context)
    {
        if (isAppending || deciding.Count == 0 || context.IsTimerActive(AppendAgain.Instance))
            return;
        isAppending = true;
        store.AppendSweep(lease.Term, [.. deciding], context.Self);
    }

    private void OnAppended(SweepAppended appended, IActorContext context)
    {
        isAppending = false;
        int count = deciding.FindIndex(decision => decision.Sequence == appended.Sequence) + 1;
        Invariant.Check(count > 0, "a sweep's decisions become durable in their order");
        List<SweepDecision> durable = deciding.GetRange(0, count);
        deciding.RemoveRange(0, count);
        history.AddRange(durable);
        context.Publish(new SweepObserved(durable));
        foreach (IActorRef watcher in watchers)
            watcher.Tell(new SweepProgressed(durable));
        foreach (SweepDecision decision in durable)
            Carry(decision, context);
        while (asking.TryPeek(out (IActorRef Asker, long Sequence) oldest)
            && oldest.Sequence < DurableCount)
            asking.Dequeue().Asker.Tell(new SweepOrderReply(true, ""));
    }

    /// <summary>Carries out what is durable.</summary>
    private void Carry(SweepDecision decision, IActorContext context)
    {
        string name = description.Name;
        switch (decision)
        {
            case LegStarted leg:
                Attach(leg, context);
                break;
            case TrialSuggested suggested:
                context.Log.Info($"sweep {name}: trial {suggested.Trial}: {suggested.Reason}");
                break;
            case TrialContinued continued:
                context.Log.Info(
                    $"sweep {name}: trial {continued.Trial} goes on: {continued.Reason}");
                break;
            case TrialEnded ended:
                context.Log.Info(
                    $"sweep {name}: trial {ended.Trial} has {ended.End}: {ended.Reason}");
                port.Conclude(description, ended);
                break;
            case WorkerBenched worker:
                context.Log.Warning($"sweep {name}: no more on {worker.Worker}: {worker.Reason}");
                context.Parent!.Tell(new BenchWorkers(state.Sweep, state.Benched));
                break;
            case SweepPaused paused:
                context.Log.Warning($"sweep {name} is paused: {paused.Reason}");
                StopLegs(paused.Reason, context);
                break;
            case SweepStopped stopped:
                context.Log.Warning($"sweep {name} stops: {stopped.Reason}");
                StopLegs(stopped.Reason, context);
                break;
            case SweepEnded ended:
                context.Log.Info($"sweep {name} has ended: {ended.Reason}");
                context.Parent!.Tell(new SweepActivity(state.Sweep, IsEnded: true));
                break;
            case TrialRetried or TrialsAdded:
                context.Parent!.Tell(new SweepActivity(state.Sweep, IsEnded: false));
                break;
        }
    }

    /// <summary>Watches the leg's job, which an earlier coordinator may have begun.</summary>
    private void Attach(LegStarted leg, IActorContext context)
    {
        var running = new RunningLeg(
            leg, state.JobOf(leg), new LegWatcher(context.Self, leg), context.NowNs);
        legs[leg.Trial] = running;
        context.Parent!.Tell(new AttachJob(state.Sweep, running.Job, running.Watcher));
    }

    private RunningLeg? Known(int trial, int leg) =>
        legs.TryGetValue(trial, out RunningLeg? running) && running.Started.Leg == leg
            ? running
            : null;

    private TrialResult? Last(RunningLeg leg) =>
        state.Trials[leg.Started.Trial].Results is { Count: > 0 } results ? results[^1] : null;

    private void OnPrepared(TrialPrepared prepared, IActorContext context)
    {
        if (Known(prepared.Leg.Trial, prepared.Leg.Leg) is not { } leg)
            return;
        if (state.Trials[leg.Started.Trial].ParameterCount == 0)
        {
            Decide(new TrialSized(
                state.Sweep, state.NextSequence, leg.Started.Trial, prepared.ParameterCount,
                prepared.Flops));
        }

        if (state.PauseReason is null && state.StopReason is null)
        {
            context.Parent!.Tell(new SubmitJob(leg.Job, prepared.Job, leg.Watcher)
            {
                Sweep = state.Sweep,
            });
        }
        else
        {
            EndLeg(leg, new LegOutcome(LegEnd.Interrupted, Last(leg), "", ""));
        }
    }

    private void OnLeg(LegHeard heard, IActorContext context)
    {
        if (Known(heard.Trial, heard.Leg) is not { } leg)
            return;
        switch (heard.Message)
        {
            case JobUnknown:
                port.Prepare(
                    new TrialLeg(
                        description, leg.Started, state.Trials[heard.Trial].Parameters),
                    context.Self);
                break;
            case StepCommitted step:
                leg.Hear(step);
                foreach (IActorRef watcher in watchers)
                    watcher.Tell(new TrialStepped(heard.Trial, step));
                context.Publish(new TrialObserved(
                    state.Sweep, new TrialStepped(heard.Trial, step)));
                break;
            case JobAccepted when state.PauseReason is not null || state.StopReason is not null:
                StopLeg(leg, state.PauseReason ?? state.StopReason!, context);
                break;
            case RunEvent happened:
                double seconds = (context.NowNs - leg.SinceNs) / 1e9;
                if (LegOutcomes.Of(
                    happened, leg.Started.UntilEpoch, Last(leg), leg.ImagesPerSecond, seconds)
                    is { } outcome)
                    EndLeg(leg, outcome);
                break;
        }
    }

    private void EndLeg(RunningLeg leg, LegOutcome outcome)
    {
        legs.Remove(leg.Started.Trial);
        Decide(new LegEnded(
            state.Sweep, state.NextSequence, leg.Started.Trial, leg.Started.Leg, outcome));
    }

    private void StopLegs(string reason, IActorContext context)
    {
        foreach (RunningLeg leg in legs.Values)
            StopLeg(leg, reason, context);
    }

    private static void StopLeg(RunningLeg leg, string reason, IActorContext context) =>
        context.Parent!.Tell(new StopJob(leg.Job, reason), context.Self);

    private void OnOrder(SweepOrder order, IActorContext context)
    {
        IActorRef asker = context.Sender ?? context.System.DeadLetters;
        (IReadOnlyList<SweepDecision> decisions, string problem) = SweepOrders.Decide(
            state, order);
        if (problem.Length > 0)
        {
            asker.Tell(new SweepOrderReply(false, problem));
            return;
        }

        foreach (SweepDecision decision in decisions)
            Decide(decision);
        asking.Enqueue((asker, state.NextSequence - 1));
        if (decisions.Count == 0 && deciding.Count == 0)
            asking.Dequeue().Asker.Tell(new SweepOrderReply(true, ""));
    }

    private void TellMissed(WatchSweep watch)
    {
        int since = (int)Math.Min(Math.Max(0, watch.Since), DurableCount);
        if (since < history.Count)
        {
            watch.Watcher.Tell(
                new SweepProgressed(history.GetRange(since, history.Count - since)));
        }
    }

    private sealed class RunningLeg(
        LegStarted started, ulong job, LegWatcher watcher, long sinceNs)
    {
        private double rateSum;
        private int rates;

        public LegStarted Started => started;

        public ulong Job => job;

        public LegWatcher Watcher => watcher;

        public long SinceNs => sinceNs;

        public double ImagesPerSecond => rates == 0 ? 0 : rateSum / rates;

        public void Hear(StepCommitted step)
        {
            rateSum += step.ImagesPerSecond;
            rates++;
        }
    }

    private sealed record Tick
    {
        public static Tick Instance { get; } = new();
    }

    private sealed record AppendAgain
    {
        public static AppendAgain Instance { get; } = new();
    }
}
