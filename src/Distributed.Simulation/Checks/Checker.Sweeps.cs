using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Workload;

namespace Distributed.Simulation.Checks;

/// <summary>
/// That a sweep's decisions are durable before anybody hears of them, that no trial is lost or run
/// twice, and that what comes of each is what it alone would have come to.
/// </summary>
internal sealed partial class Checker
{
    private readonly SortedDictionary<ulong, SweepHistory> sweeps = [];
    private readonly SortedDictionary<ulong, ulong> sweepOfJob = [];

    /// <summary>Sweeps that ended, over the whole history.</summary>
    public int SweepsEnded { get; private set; }

    /// <summary>When something was last decided of it or one of its trials last made a
    /// step.</summary>
    public long SweepAdvancedNs(ulong sweep) =>
        sweeps.TryGetValue(sweep, out SweepHistory? known) ? known.AdvancedNs : 0;

    public void OnSweepOrdered(SweepOrder order)
    {
        if (order is PauseSweep or StopSweep && sweeps.TryGetValue(order.Sweep, out var known))
            known.MayInterrupt = true;
    }

    public void OnSweepAppended(
        ProcessLife life, long term, long currentTerm, IReadOnlyList<SweepDecision> known,
        SweepDecision decision)
    {
        if (Log is not null)
            Note($"stored by {life.Machine.Name}/{life.Number} in term {term}: {decision}");
        Expect(
            term == currentTerm && lifeOfTerm.GetValueOrDefault(term) == life.Number, "terms",
            $"{life.Machine.Name} stored {decision.GetType().Name} in term {term}, but term "
            + $"{currentTerm} has begun");
        if (decision.Sequence < known.Count)
        {
            Expect(
                Equals(known[(int)decision.Sequence], decision), "sweeps",
                $"{decision} is stored after {known[(int)decision.Sequence]}");
            return;
        }

        Expect(
            decision.Sequence == known.Count && (known.Count > 0 || decision is SweepSubmitted),
            "sweeps", $"{decision} is stored as number {known.Count} of its sweep");
        if (Violation is null)
            Follow(decision);
    }

    /// <summary>A coordinator tells a watcher what was decided.</summary>
    public void OnSweepTold(SweepProgressed progressed)
    {
        foreach (SweepDecision decision in progressed.Decisions)
        {
            IReadOnlyList<SweepDecision> stored = World.Store.Sweep(decision.Sweep);
            Expect(
                decision.Sequence < stored.Count
                    && Equals(stored[(int)decision.Sequence], decision),
                "sweeps", $"{decision} is told, but the store has {stored.Count} decisions");
        }
    }

    private void NoteSweepAdvances(ulong job)
    {
        if (sweepOfJob.TryGetValue(job, out ulong sweep))
            sweeps[sweep].AdvancedNs = scheduler.NowNs;
    }

    private bool MayBeStopped(ulong job) => stopped.Contains(job)
        || (sweepOfJob.TryGetValue(job, out ulong sweep) && sweeps[sweep].MayInterrupt);

    private void Follow(SweepDecision decision)
    {
        if (decision is SweepSubmitted submitted)
            sweeps.Add(decision.Sweep, new SweepHistory(submitted));
        SweepHistory sweep = sweeps[decision.Sweep];
        SweepState state = sweep.State;
        if (decision is not SweepSubmitted)
            state.Apply(decision);
        sweep.AdvancedNs = scheduler.NowNs;
        switch (decision)
        {
            case LegStarted leg:
                sweepOfJob[state.JobOf(leg)] = decision.Sweep;
                int limit = state.Description.Limits.ConcurrentTrials;
                Expect(
                    limit == 0 || state.RunningCount <= limit, "sweeps",
                    $"{state.RunningCount} trials run where {limit} may");
                break;
            case LegEnded ended:
                OnLegEnded(state, ended);
                // What pauses it by itself may stop the others before that is stored.
                sweep.MayInterrupt |= ended.Outcome.End == LegEnd.DiskFull;
                break;
            case TrialsAdded or TrialRetried:
                sweep.IsAsSubmitted = false;
                break;
            case SweepEnded:
                SweepsEnded++;
                OnSweepEnded(sweep);
                break;
        }
    }

    private void OnLegEnded(SweepState state, LegEnded ended)
    {
        StoredJob? job = World.Store.Find(state.JobOf(state.Trials[ended.Trial].Leg!));
        Expect(
            job is null || job.Outcome is not null, "sweeps",
            $"{ended} is stored, but its job goes on");
        if (ended.Outcome is not { End: LegEnd.Reached, Result: { } result })
            return;
        TrialResult expected = TrialRuns.Expected(state, ended.Trial, result.Epoch);
        Expect(
            job is not null && Equals(expected, result with
            {
                ImagesPerSecond = 0,
                Seconds = 0,
                ParametersSha256 = "",
            }),
            "sweeps", $"{ended} should have {expected}");
    }

    private void OnSweepEnded(SweepHistory sweep)
    {
        SweepState state = sweep.State;
        foreach (TrialState trial in state.Trials)
        {
            Expect(
                trial.End is not null, "sweeps",
                $"the sweep has ended, but trial {trial.Number} is {trial.Phase}");
        }

        Expect(
            state.StopReason is not null || state.Trials.Count == state.TrialsWanted, "sweeps",
            $"the sweep has ended with {state.Trials.Count} of {state.TrialsWanted} trials");
        if (!sweep.IsAsSubmitted || !state.Description.IsDeterministic
            || state.StopReason is not null)
            return;
        string expected = SweepReplay.TableOf(SweepReplay.Of(state));
        string found = SweepReplay.TableOf(state);
        Expect(
            expected == found, "sweeps", $"a deterministic sweep came to {found}, not {expected}");
    }

    /// <summary>A sweep, as what is stored makes it.</summary>
    private sealed class SweepHistory(SweepSubmitted submitted)
    {
        public SweepState State { get; } = new(submitted);

        public long AdvancedNs { get; set; }

        /// <summary>Somebody or something had reason to stop its trials' jobs.</summary>
        public bool MayInterrupt { get; set; }

        /// <summary>Nobody has added trials or had some tried again.</summary>
        public bool IsAsSubmitted { get; set; } = true;
    }
}
