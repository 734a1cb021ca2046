using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>What a model of a sweep's world does to it beside running its legs.</summary>
internal sealed record ModelTroubles
{
    public static ModelTroubles None { get; } = new();

    /// <summary>How often, in percent of what happens, each of these does.</summary>
    public int Breaks { get; init; }

    public int NotRun { get; init; }

    public int DiskFull { get; init; }

    public int Pauses { get; init; }

    public int Places { get; init; }

    /// <summary>So many trials are added, at a drawn time.</summary>
    public int Added { get; init; }

    /// <summary>It is stopped after so many legs; 0 for never.</summary>
    public int StopAfterLegs { get; init; }

    public bool Retries { get; init; }
}

/// <summary>
/// Runs a sweep's planner alone against a model of what runs its trials. A trial's state is a
/// number that each epoch changes, by its parameters and its seed, so that every figure says where
/// its trial came from. What ends when is drawn from a seed.
/// </summary>
internal sealed class ModelSweep
{
    private const int PlacesMax = 6;
    private const int EventsMax = 20_000;

    private static readonly JsonSerializerOptions json = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly SweepDescription description;
    private readonly ModelTroubles troubles;
    private readonly Random random;
    private readonly SweepPlanning planning;
    private readonly SortedDictionary<(int Trial, int Epoch), ulong> saved = [];
    private readonly int[] ends;
    private int places = PlacesMax;
    private int legsEnded;
    private int added;
    private bool hasRetried;

    public ModelSweep(SweepDescription description, int order, ModelTroubles? troubles = null)
    {
        this.description = description;
        this.troubles = troubles ?? ModelTroubles.None;
        random = new Random(order);
        planning = PlannerOf(description);
        var submitted = new SweepSubmitted(7, description);
        State = new SweepState(submitted);
        Decisions.Add(submitted);
        ends = new int[description.Limits.Trials + this.troubles.Added];
    }

    public SweepState State { get; }

    public List<SweepDecision> Decisions { get; } = [];

    public static SweepPlanning PlannerOf(SweepDescription description) => new(
        description,
        Samplers.Create(
            description.Sampler, description.Space, description.Seed,
            description.Objectives.Count),
        Schedulers.Create(
            description.Scheduler, description.Space, description.Epochs, description.Seed,
            description.IsDeterministic));

    /// <summary>All that a record says, lists within it included.</summary>
    public static string Text(object record) => JsonSerializer.Serialize(record, json);

    public ModelSweep Run()
    {
        for (int count = 0; count < EventsMax; count++)
        {
            string waits = Plan();
            if (State.EndReason is null)
                Happen(waits);
            else if (!Reopen())
                return this;
        }

        throw new InvalidOperationException("the sweep does not end");
    }

    /// <summary>What came of each trial, whenever it did.</summary>
    public string Table() => string.Join('\n', State.Trials.Select(trial =>
        $"{trial.Number} {trial.End} {SweepSpaces.Show(trial.FirstParameters)} -> "
        + $"{SweepSpaces.Show(trial.Parameters)}: "
        + string.Join(", ", trial.Results.Select(
            result => $"{result.Epoch}={Real(result.TestLoss)}"))
        + (trial.End is TrialEnd.Stopped ? $" ({trial.Reason})" : "")));

    /// <summary>What a trial's figure after an epoch must be, by its lineage alone.</summary>
    public double Expected(int trial, int epoch)
    {
        ulong value = 0;
        int done = 0;
        foreach (LineagePart part in Lineage.Of(State, trial, epoch))
        {
            for (; done < part.UntilEpoch; done++)
                value = Next(value, part.Trial, part.Parameters, done + 1);
        }

        return Loss(value);
    }

    private string Plan()
    {
        while (true)
        {
            int free = places - State.RunningCount;
            SweepPlan plan = planning.Next(State, free, 5);
            SweepPlan again = planning.Next(State, free, 5);
            Assert.Equal(plan.Reason, again.Reason);
            if (plan.Decision is { } decision)
                Assert.Equal(Text(decision), Text(again.Decision!));
            if (plan.Decision is null)
                return plan.Reason;
            Check(plan.Decision, free);
            Decide(plan.Decision);
        }
    }

    private void Check(SweepDecision decision, int free)
    {
        switch (decision)
        {
            case TrialSuggested suggested:
                Assert.Equal(State.Trials.Count, suggested.Trial);
                Assert.True(suggested.Trial < State.TrialsWanted);
                Assert.True(free > 0);
                break;
            case LegStarted leg:
                TrialState trial = State.Trials[leg.Trial];
                Assert.True(free > 0);
                Assert.True(State.PauseReason is null && State.StopReason is null);
                Assert.True(
                    description.Limits.ConcurrentTrials == 0
                    || State.RunningCount < description.Limits.ConcurrentTrials);
                Assert.True(leg.UntilEpoch > trial.Epoch);
                Assert.True(leg.Source < 0 || leg.SourceEpoch == trial.Epoch);
                break;
            case TrialEnded ended:
                Assert.Null(State.Trials[ended.Trial].End);
                ends[ended.Trial]++;
                break;
            case SweepEnded:
                Assert.Equal(0, State.RunningCount);
                Assert.All(State.Trials, trial => Assert.NotNull(trial.End));
                Assert.All(State.Trials, trial => Assert.Equal(1, ends[trial.Number]));
                break;
        }
    }

    private void Decide(SweepDecision decision)
    {
        State.Apply(decision);
        Decisions.Add(decision);
    }

    private void Order(SweepOrder order)
    {
        (IReadOnlyList<SweepDecision> decisions, string problem) =
            SweepOrders.Decide(State, order);
        Assert.Equal("", problem);
        foreach (SweepDecision decision in decisions)
        {
            if (decision is TrialRetried retried)
                ends[retried.Trial]--;
            Decide(decision);
        }
    }

    private bool Reopen()
    {
        if (State.StopReason is not null)
            return false;
        if (added < troubles.Added)
        {
            Add();
            return true;
        }

        if (!troubles.Retries || hasRetried
            || !State.Trials.Any(trial => trial.End is TrialEnd.Failed))
            return false;
        hasRetried = true;
        Order(new RetryTrial(State.Sweep, -1));
        return true;
    }

    private void Add()
    {
        int count = random.Next(1, troubles.Added - added + 1);
        added += count;
        Order(new AddTrials(State.Sweep, count));
    }

    private void Happen(string waits)
    {
        if (troubles.StopAfterLegs > 0 && legsEnded >= troubles.StopAfterLegs
            && State.StopReason is null)
            Order(new StopSweep(State.Sweep, "enough"));
        else if (Draws(troubles.Places))
            places = random.Next(0, PlacesMax + 1);
        else if (Draws(troubles.Pauses) && State.StopReason is null && State.PauseReason is null)
            Order(new PauseSweep(State.Sweep, "a break"));
        else if (added < troubles.Added && Draws(2) && State.StopReason is null)
            Add();
        else if (State.In(TrialPhase.Running).ToList() is { Count: > 0 } running)
            EndLeg(State.Trials[running[random.Next(running.Count)]]);
        else if (State.PauseReason is not null)
            Order(new ResumeSweep(State.Sweep));
        else if (places < PlacesMax)
            places = PlacesMax;
        else
            Assert.Fail($"nothing runs and nothing begins: {waits}");
    }

    private void EndLeg(TrialState trial)
    {
        legsEnded++;
        LegStarted leg = trial.Leg!;
        TrialResult? last = trial.Results.Count == 0 ? null : trial.Results[^1];
        // A worker's kill interrupts nobody, but an order to stop or to pause does.
        bool isTold = State.PauseReason is not null || State.StopReason is not null;
        LegOutcome outcome = trial.Breaks < description.Limits.RetriesMax && Draws(troubles.Breaks)
            ? new LegOutcome(LegEnd.Broken, last, "", "it broke")
            : Draws(troubles.NotRun) ? new LegOutcome(LegEnd.NotRun, last, "", "")
            : Draws(troubles.DiskFull) ? new LegOutcome(LegEnd.DiskFull, last, "", "no room")
            : isTold && Draws(70) ? new LegOutcome(LegEnd.Interrupted, last, "", "")
            : Work(trial, leg, last);
        if (outcome.End is LegEnd.Broken or LegEnd.Interrupted && Draws(50))
            WorkUpTo(trial, leg, random.Next(trial.Epoch + 1, leg.UntilEpoch + 1));
        Decide(new LegEnded(State.Sweep, State.NextSequence, trial.Number, leg.Leg, outcome));
    }

    private LegOutcome Work(TrialState trial, LegStarted leg, TrialResult? last)
    {
        if (State.Description.RunSeedOf(trial.Number) == ModelSweeps.HopelessSeed
            && trial.Number % 5 == 3)
            return new LegOutcome(LegEnd.Hopeless, last, "", "its loss is not a number");
        ulong value = WorkUpTo(trial, leg, leg.UntilEpoch);
        return new LegOutcome(
            LegEnd.Reached,
            new TrialResult(leg.UntilEpoch, 0, 0, Loss(value), 0, 0, 0, ""), "", "");
    }

    /// <summary>
    /// As a job does: from the trial's own newest state, or the other's where that is newer.
    /// </summary>
    private ulong WorkUpTo(TrialState trial, LegStarted leg, int epoch)
    {
        int start = saved.Keys.Where(key => key.Trial == trial.Number).Select(key => key.Epoch)
            .DefaultIfEmpty(0).Max();
        // What it takes over is not what it came to itself, which others may still begin with.
        bool takesOver = leg.Source >= 0 && start <= leg.SourceEpoch;
        if (takesOver)
            start = leg.SourceEpoch;
        ulong value = start == 0 ? 0 : saved[(takesOver ? leg.Source : trial.Number, start)];
        for (int next = start + 1; next <= epoch; next++)
        {
            value = Next(value, trial.Number, trial.Parameters, next);
            saved[(trial.Number, next)] = value;
        }

        return value;
    }

    private ulong Next(
        ulong value, int trial, IReadOnlyList<ParameterValue> parameters, int epoch)
    {
        ulong shape = 0;
        foreach (char letter in SweepSpaces.Show(parameters))
            shape = CounterRandom.Mix(shape ^ letter);
        return CounterRandom.Key(value, shape, description.RunSeedOf(trial), (ulong)epoch);
    }

    private static double Loss(ulong value) =>
        value % 40 == 0 ? double.NaN : (value >> 8) % 1000 / 100.0;

    private static string Real(double value) => value.ToString(CultureInfo.InvariantCulture);

    private bool Draws(int percent) => random.Next(100) < percent;
}

/// <summary>Descriptions of sweeps for the model.</summary>
internal static class ModelSweeps
{
    /// <summary>Of the trials with this seed every fifth fails for good.</summary>
    public const ulong HopelessSeed = 100;

    public static SamplerSpec[] SamplerSpecs { get; } =
        [new GridSpec(), new RandomSpec(), new SobolSpec(), new TpeSpec(3), new CmaEsSpec(4)];

    public static SchedulerSpec[] SchedulerSpecs { get; } =
    [
        new NoSchedulerSpec(), new MedianSpec(1, 1, 3), new AshaSpec(2), new AshaSpec(2, 5, 3),
        new PbtSpec(2),
    ];

    public static SweepDescription Of(
        SamplerSpec sampler, SchedulerSpec scheduler, int trials = 12, int concurrent = 4,
        ulong[]? seeds = null, bool isDeterministic = true, int epochs = 8, int retries = 2,
        int workersPerTrial = 1, ulong seed = 1) => new(
        "model", "/sweeps/model", "epochs: 8", [],
        new SearchSpace(
        [
            new RealDimension("rate", [], 0.1, 1, 0.1, false),
            new IntegerDimension("width", [], 1, 9, 1, false),
        ]),
        sampler, scheduler, [new Objective(ObjectiveMetric.TestLoss, IsMaximized: false)],
        new SweepLimits(trials, concurrent, workersPerTrial, null, retries),
        seeds ?? [HopelessSeed], epochs, seed, isDeterministic, [], "");
}
