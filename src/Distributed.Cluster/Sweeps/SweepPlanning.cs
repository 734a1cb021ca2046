using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps;

/// <summary>
/// Decides what a sweep does next: a pure function of its state, of how many trials have room to
/// run, and of the time, which only its limit of duration depends on.
/// </summary>
internal sealed class SweepPlanning(
    SweepDescription description, ISampler sampler, ITrialScheduler scheduler)
{
    /// <summary>The next decision, or why there is none now.</summary>
    public SweepPlan Next(SweepState state, int placesFree, long nowUnixMs)
    {
        if (state.EndReason is { } ended)
            return SweepPlan.NothingYet($"it has ended: {ended}");
        if (Settle(state, nowUnixMs) is { } settled)
            return SweepPlan.Decide(settled);
        if (state.StopReason is null && state.Suspect() is { } worker)
        {
            return SweepPlan.Decide(new WorkerBenched(
                state.Sweep, state.NextSequence, worker,
                "trials broke on it again and again"));
        }

        string? full = WhyNoneBegins(state, nowUnixMs);
        if (state.StopReason is null && !LacksTrials(state, full)
            && Judge(state, nowUnixMs) is { } judged)
            return SweepPlan.Decide(judged);
        if (IsOver(state, full))
        {
            return SweepPlan.Decide(new SweepEnded(
                state.Sweep, state.NextSequence, full!, nowUnixMs));
        }

        if (state.PauseReason is { } paused)
            return SweepPlan.NothingYet($"paused: {paused}");
        if (state.StopReason is { } stopped)
            return SweepPlan.NothingYet($"stopping: {stopped}");
        int running = state.RunningCount;
        int concurrent = description.Limits.ConcurrentTrials;
        if (placesFree <= 0 || (concurrent > 0 && running >= concurrent))
            return SweepPlan.NothingYet($"{running} trials run");
        if (state.In(TrialPhase.Ready) is { Count: > 0 } ready)
            return SweepPlan.Decide(NextLeg(state, FirstOf(ready, state)));
        return full is null
            ? Suggest(state, nowUnixMs)
            : SweepPlan.NothingYet($"{running} trials run; {full}");
    }

    /// <summary>
    /// Says how those trials ended of which it is clear, and pauses on a full disk.
    /// </summary>
    private static SweepDecision? Settle(SweepState state, long nowUnixMs)
    {
        if (state.In(TrialPhase.Settling) is { Count: > 0 } settling)
        {
            TrialState trial = state.Trials[settling.Min];
            return trial.Outcome!.End == LegEnd.Reached
                ? End(state, trial, TrialEnd.Completed, $"all {trial.Epoch} epochs", nowUnixMs)
                : End(state, trial, TrialEnd.Failed, FailureOf(trial), nowUnixMs);
        }

        if (state.StopReason is { } stop)
        {
            foreach (TrialPhase phase in new[] { TrialPhase.Ready, TrialPhase.AtRung })
            {
                if (state.In(phase) is { Count: > 0 } left)
                {
                    return End(
                        state, state.Trials[left.Min], TrialEnd.Cancelled, stop, nowUnixMs);
                }
            }
        }
        else if (state is { PauseReason: null, FullDisk: { } full })
        {
            return new SweepPaused(state.Sweep, state.NextSequence, full);
        }

        return null;
    }

    private static string FailureOf(TrialState trial) =>
        trial.Outcome!.End == LegEnd.Hopeless || trial.Breaks == 1
            ? trial.Outcome.Message
            : $"broke {trial.Breaks} times, last with: {trial.Outcome.Message}";

    private static TrialEnded End(
        SweepState state, TrialState trial, TrialEnd end, string reason, long nowUnixMs) =>
        new(state.Sweep, state.NextSequence, trial.Number, end, reason, nowUnixMs);

    private SweepDecision? Judge(SweepState state, long nowUnixMs)
    {
        if (state.In(TrialPhase.AtRung).Count == 0)
            return null;
        IReadOnlyList<TrialProgress> progress = state.Progress;
        foreach (int number in state.In(TrialPhase.AtRung))
        {
            TrialState trial = state.Trials[number];
            Verdict verdict = scheduler.Judge(number, trial.Epoch, progress);
            switch (verdict)
            {
                case Verdict.Stop stop:
                    return End(state, trial, TrialEnd.Stopped, stop.Reason, nowUnixMs);
                case Verdict.GoOn goOn:
                    return new TrialContinued(
                        state.Sweep, state.NextSequence, number, trial.Epoch, -1,
                        trial.Parameters, goOn.Reason);
                case Verdict.Exploit exploit:
                    return new TrialContinued(
                        state.Sweep, state.NextSequence, number, trial.Epoch, exploit.Source,
                        exploit.Parameters, exploit.Reason);
            }
        }

        return null;
    }

    /// <summary>
    /// Whether a population is not whole yet. However few trials there is room for at a time, it is
    /// judged as a whole; and where the next trial has to know how others end, not before those
    /// have ended or wait themselves, as otherwise it would be there or not by who is faster.
    /// </summary>
    private bool LacksTrials(SweepState state, string? full)
    {
        if (description.Scheduler is not PbtSpec || full is not null
            || state.In(TrialPhase.AtRung).Count == 0)
            return false;
        if (WhyNoneIsSuggested(state) is null || state.RunningCount > 0)
            return true;
        int rung = state.In(TrialPhase.AtRung).Min(trial => state.Trials[trial].Epoch);
        return state.In(TrialPhase.Ready).Any(trial => state.Trials[trial].Epoch != rung);
    }

    /// <summary>Who takes over another's state goes before that other goes on.</summary>
    private static TrialState FirstOf(SortedSet<int> ready, SweepState state)
    {
        foreach (int number in ready)
        {
            if (state.Trials[number].NextSource >= 0)
                return state.Trials[number];
        }

        return state.Trials[ready.Min];
    }

    private LegStarted NextLeg(SweepState state, TrialState trial)
    {
        int until = description.Epochs;
        foreach (int rung in scheduler.Rungs)
        {
            if (rung > trial.Epoch)
            {
                until = rung;
                break;
            }
        }

        return new LegStarted(
            state.Sweep, state.NextSequence, trial.Number, trial.LegCount + 1, until,
            trial.NextSource, trial.NextSource < 0 ? 0 : trial.Epoch);
    }

    /// <summary>Null where another trial may begin.</summary>
    private string? WhyNoneBegins(SweepState state, long nowUnixMs)
    {
        if (state.StopReason is { } stopped)
            return $"stopped: {stopped}";
        int begun = state.Trials.Count;
        int wanted = state.TrialsWanted;
        if (sampler.Count is { } configurations
            && (long)configurations * description.RunSeeds.Count < wanted)
            wanted = configurations * description.RunSeeds.Count;
        if (begun >= wanted)
            return $"all {wanted} trials were begun";
        return description.Limits.Duration is { } limit && begun > 0
            && nowUnixMs - state.StartedUnixMs > limit.TotalMilliseconds
                ? $"no trial begins later than {limit} after the first"
                : null;
    }

    private static bool IsOver(SweepState state, string? full) =>
        full is not null
        && state.In(TrialPhase.Ended).Count == state.Trials.Count
        && state.PauseReason is null;

    private SweepPlan Suggest(SweepState state, long nowUnixMs)
    {
        int trial = state.Trials.Count;
        int seeds = description.RunSeeds.Count;
        int configuration = description.ConfigurationOf(trial);
        if (trial % seeds != 0)
        {
            return SweepPlan.Decide(new TrialSuggested(
                state.Sweep, state.NextSequence, trial,
                state.Trials[configuration * seeds].FirstParameters,
                $"configuration {configuration} with seed {description.RunSeedOf(trial)}",
                nowUnixMs));
        }

        if (WhyNoneIsSuggested(state) is { } reason)
            return SweepPlan.NothingYet(reason);
        Suggestion suggestion = sampler.Suggest(
            configuration,
            sampler.Learns ? state.Observations(configuration, Settled(configuration)) : []);
        return SweepPlan.Decide(new TrialSuggested(
            state.Sweep, state.NextSequence, trial, suggestion.Parameters, suggestion.Reason,
            nowUnixMs));
    }

    /// <summary>Why the next configuration cannot be told yet; null where it can.</summary>
    private string? WhyNoneIsSuggested(SweepState state)
    {
        int configuration = description.ConfigurationOf(state.Trials.Count);
        if (!description.IsDeterministic || !sampler.Learns
            || state.Trials.Count % description.RunSeeds.Count != 0)
            return null;
        for (int earlier = Settled(configuration) - 1; earlier >= 0; earlier--)
        {
            if (!state.HasEnded(earlier))
                return $"configuration {configuration} needs to know how {earlier} ends";
        }

        return null;
    }

    /// <summary>What the sampler may know of when it suggests a configuration.</summary>
    private int Settled(int configuration)
    {
        if (!description.IsDeterministic)
            return configuration;
        // As many as can run beside it count as running, whether they still do or not.
        int beside = (Math.Max(1, description.Limits.ConcurrentTrials) - 1)
            / description.RunSeeds.Count;
        return Math.Max(0, configuration - beside);
    }
}

/// <summary>The next decision, or null with the reason why there is none.</summary>
internal sealed record SweepPlan(SweepDecision? Decision, string Reason)
{
    public static SweepPlan Decide(SweepDecision decision) => new(decision, "");

    public static SweepPlan NothingYet(string reason) => new(null, reason);
}
