using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps;

/// <summary>
/// A sweep, as its decisions make it, one after the other. Not thread-safe.
/// </summary>
public sealed class SweepState
{
    /// <summary>A worker on which so many legs broke gets no more of the sweep's trials.</summary>
    private const int BreaksOfWorkerMax = 3;

    private readonly List<TrialState> trials = [];
    private readonly List<TrialProgress> progress = [];
    private readonly SortedSet<int>[] byPhase;
    private readonly SortedDictionary<string, int> breaksOfWorkers = new(StringComparer.Ordinal);
    private readonly SortedSet<string> benched = new(StringComparer.Ordinal);
    private int added;

    public SweepState(SweepSubmitted submitted)
    {
        Sweep = submitted.Sweep;
        Description = submitted.Description;
        byPhase = [.. Enum.GetValues<TrialPhase>().Select(_ => new SortedSet<int>())];
    }

    /// <summary>The sweep that these decisions make, of which the first submits it.</summary>
    public static SweepState Of(IReadOnlyList<SweepDecision> decisions)
    {
        var state = new SweepState((SweepSubmitted)decisions[0]);
        foreach (SweepDecision decision in decisions.Skip(1))
            state.Apply(decision);
        return state;
    }

    public ulong Sweep { get; }

    public SweepDescription Description { get; }

    /// <summary>Of the next decision.</summary>
    public long NextSequence { get; private set; } = 1;

    public IReadOnlyList<TrialState> Trials => trials;

    /// <summary>How many trials there are to be in all.</summary>
    public int TrialsWanted => Description.Limits.Trials + added;

    /// <summary>Null where the sweep is not paused.</summary>
    public string? PauseReason { get; private set; }

    /// <summary>Null where no stop was asked for.</summary>
    public string? StopReason { get; private set; }

    /// <summary>Null until the sweep has ended.</summary>
    public string? EndReason { get; private set; }

    /// <summary>Of the first trial; 0 before.</summary>
    public long StartedUnixMs => trials.Count == 0 ? 0 : trials[0].StartedUnixMs;

    public long EndedUnixMs { get; private set; }

    /// <summary>Why no trial can be saved: the sweep is to be paused. Null where all can.</summary>
    public string? FullDisk { get; private set; }

    /// <summary>Names of workers that get no more trials.</summary>
    public IReadOnlyCollection<string> Benched => benched;

    /// <summary>The job of a leg: the same for every coordinator, so that no leg has
    /// two.</summary>
    public ulong JobOf(LegStarted leg) =>
        CounterRandom.Key(Sweep, (ulong)leg.Trial, (ulong)leg.Leg) | 1;

    /// <summary>The jobs of all legs that have not ended.</summary>
    public IReadOnlyList<ulong> JobsUnderWay() =>
        [.. In(TrialPhase.Running).Select(trial => JobOf(trials[trial].Leg!))];

    /// <summary>The trials in that phase, by number.</summary>
    internal SortedSet<int> In(TrialPhase phase) => byPhase[(int)phase];

    /// <summary>How many trials run now.</summary>
    public int RunningCount => In(TrialPhase.Running).Count;

    /// <summary>A worker that is to be benched, or null.</summary>
    internal string? Suspect()
    {
        foreach ((string worker, int breaks) in breaksOfWorkers)
        {
            if (breaks >= BreaksOfWorkerMax && !benched.Contains(worker))
                return worker;
        }

        return null;
    }

    public void Apply(SweepDecision decision)
    {
        Invariant.Check(
            decision.Sweep == Sweep && decision.Sequence == NextSequence,
            "a sweep's decisions take effect in their order");
        NextSequence++;
        switch (decision)
        {
            case TrialSuggested suggested:
                Invariant.Check(suggested.Trial == trials.Count, "trials are numbered in order");
                trials.Add(new TrialState(suggested));
                progress.Add(ProgressOf(trials[^1]));
                In(TrialPhase.Ready).Add(suggested.Trial);
                break;
            case TrialSized sized:
                Change(sized.Trial, trial => trial.Size(sized));
                break;
            case LegStarted leg:
                Change(leg.Trial, trial => trial.Start(leg));
                break;
            case LegEnded ended:
                Finish(ended);
                break;
            case TrialContinued continued:
                Change(continued.Trial, trial => trial.Continue(continued));
                break;
            case TrialEnded ended:
                Change(ended.Trial, trial => trial.Conclude(ended));
                break;
            case TrialRetried retried:
                Change(retried.Trial, trial => trial.Revive());
                EndReason = null;
                break;
            default:
                ApplyToAll(decision);
                break;
        }
    }

    private void ApplyToAll(SweepDecision decision)
    {
        switch (decision)
        {
            case SweepPaused paused:
                PauseReason = paused.Reason;
                FullDisk = null;
                break;
            case SweepResumed:
                PauseReason = null;
                FullDisk = null;
                break;
            case SweepStopped stopped:
                StopReason = stopped.Reason;
                PauseReason = null;
                break;
            case TrialsAdded more:
                added += more.Count;
                EndReason = null;
                break;
            case WorkerBenched worker:
                benched.Add(worker.Worker);
                break;
            case SweepEnded ended:
                EndReason = ended.Reason;
                EndedUnixMs = ended.AtUnixMs;
                break;
            default:
                throw new InvariantException(
                    $"a sweep cannot apply {decision.GetType().Name}");
        }
    }

    private void Finish(LegEnded ended)
    {
        Change(ended.Trial, trial => trial.Finish(ended, Description.Epochs));
        if (ended.Outcome.End == LegEnd.DiskFull)
            FullDisk = $"trial {ended.Trial}: {ended.Outcome.Message}";
        if (ended.Outcome.End != LegEnd.Broken)
            return;
        if (ended.Outcome.Worker.Length > 0)
        {
            string worker = ended.Outcome.Worker;
            breaksOfWorkers[worker] = breaksOfWorkers.GetValueOrDefault(worker) + 1;
        }

        if (trials[ended.Trial].Breaks <= Description.Limits.RetriesMax)
            Change(ended.Trial, trial => trial.Again());
    }

    private void Change(int number, Action<TrialState> change)
    {
        TrialState trial = trials[number];
        In(trial.Phase).Remove(number);
        change(trial);
        In(trial.Phase).Add(number);
        progress[number] = ProgressOf(trial);
    }

    /// <summary>What the scheduler sees.</summary>
    internal IReadOnlyList<TrialProgress> Progress => progress;

    private TrialProgress ProgressOf(TrialState trial)
    {
        Objective objective = Description.Objectives[0];
        return new TrialProgress(
            trial.Number, trial.Parameters, trial.Phase == TrialPhase.Ended,
            [
                .. trial.Results.Select(result => new EpochResult(
                    result.Epoch, objective.Loss(trial.Value(objective.Metric, result)))),
            ]);
    }

    /// <summary>What the sampler sees of the configurations before this one.</summary>
    /// <param name="before">The configuration that is to be suggested.</param>
    /// <param name="settled">Those from this one on count as running, whatever is known of
    /// them.</param>
    internal IReadOnlyList<Observation> Observations(int before, int settled)
    {
        var observations = new List<Observation>(before);
        for (int number = 0; number < before; number++)
            observations.Add(Observe(number, isPending: number >= settled));
        return observations;
    }

    /// <summary>Whether all trials of the configuration have ended.</summary>
    internal bool HasEnded(int configuration)
    {
        int seeds = Description.RunSeeds.Count;
        int first = configuration * seeds;
        if (trials.Count < first + seeds)
            return false;
        for (int seed = 0; seed < seeds; seed++)
        {
            if (trials[first + seed].Phase != TrialPhase.Ended)
                return false;
        }

        return true;
    }

    private Observation Observe(int configuration, bool isPending)
    {
        int first = configuration * Description.RunSeeds.Count;
        IReadOnlyList<ParameterValue> parameters = trials[first].FirstParameters;
        if (isPending || !HasEnded(configuration))
            return new Observation(configuration, parameters, ObservationState.Pending, [], 0);
        List<TrialState> done =
            [.. trials.Skip(first).Take(Description.RunSeeds.Count).Where(
                trial => trial.End is not TrialEnd.Failed && trial.Results.Count > 0)];
        if (done.Count == 0)
            return new Observation(configuration, parameters, ObservationState.Failed, [], 0);
        bool isWhole = done.TrueForAll(trial => trial.End is TrialEnd.Completed);
        var losses = new List<double>(Description.Objectives.Count);
        foreach (Objective objective in Description.Objectives)
        {
            losses.Add(done.Average(
                trial => objective.Loss(trial.Value(objective.Metric, trial.Results[^1]))));
        }

        return new Observation(
            configuration, parameters,
            isWhole ? ObservationState.Completed : ObservationState.Stopped, losses,
            done.Min(trial => trial.Epoch));
    }
}
