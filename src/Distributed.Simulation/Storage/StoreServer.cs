using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Storage;

/// <summary>
/// The store that all coordinators share: durable, transactional, and at times slow or away. Tests
/// plant mistakes in what is virtual.
/// </summary>
internal class StoreServer(SimulatedWorld world)
{
    private static readonly long KeepsEndedNs = 3600 * Span.Second;

    private readonly SortedDictionary<ulong, StoredJob> jobs = [];
    private readonly SortedDictionary<ulong, long> endedNs = [];
    private readonly SortedDictionary<ulong, List<SweepDecision>> sweeps = [];
    private readonly SortedDictionary<ulong, long> sweepEndedNs = [];

    public Lease Lease { get; private set; } = new(0, 0, null);

    /// <summary>Calls fail until then.</summary>
    public long OutageEndsNs { get; set; }

    /// <summary>How often a call fails on its own.</summary>
    public int FailPercent { get; set; }

    /// <summary>Whether a coordinator's process is known to have ended.</summary>
    public Func<CoordinatorIdentity, bool> IsGone { get; set; } = _ => false;

    protected SimulatedWorld World => world;

    public StoredJob? Find(ulong job) => jobs.GetValueOrDefault(job);

    public virtual object Read() => new LeaseRead(
        Lease,
        world.Conditions.StoreSeesDeaths && Lease.Holder is { } holder && IsGone(holder));

    public virtual object Take(ProcessLife life, CoordinatorIdentity holder, Lease seen)
    {
        if (Lease != seen)
            return Read();
        return Grant(life, holder, Lease.Term + 1);
    }

    public virtual object Renew(ProcessLife life, long term)
    {
        if (Lease.Term != term || Lease.Holder is null)
            return Read();
        Lease = Lease with { Beat = Lease.Beat + 1 };
        return new LeaseRenewed(term);
    }

    public void Return(long term)
    {
        if (Lease.Term == term)
            Lease = Lease with { Holder = null, Beat = Lease.Beat + 1 };
    }

    public virtual JobsLoaded Load()
    {
        var underWay = sweeps.Values.SelectMany(
            decisions => SweepState.Of(decisions).JobsUnderWay()).ToHashSet();
        var found = new List<StoredJob>();
        foreach ((ulong number, StoredJob job) in jobs)
        {
            if (job.Outcome is null || underWay.Contains(number)
                || endedNs[number] + KeepsEndedNs > world.Scheduler.NowNs)
                found.Add(job);
        }

        return new JobsLoaded(found, [.. sweeps.Values.Where(IsLoaded).Select(Loaded)]);
    }

    /// <summary>What a coordinator gets to read of a sweep's decisions.</summary>
    protected virtual IReadOnlyList<SweepDecision> Loaded(List<SweepDecision> decisions) =>
        decisions.ToList();

    public virtual object Append(ProcessLife life, long term, JobDecision decision)
    {
        if (!IsCurrent(term))
            return new AppendRefused(decision, Lease);
        Apply(life, term, decision);
        return new Appended(decision);
    }

    public object AppendSweep(
        ProcessLife life, long term, IReadOnlyList<SweepDecision> decisions)
    {
        ulong sweep = decisions[0].Sweep;
        if (!IsCurrent(term))
            return new SweepAppendRefused(sweep, Lease);
        if (!sweeps.TryGetValue(sweep, out List<SweepDecision>? known))
            sweeps.Add(sweep, known = []);
        foreach (SweepDecision decision in decisions)
        {
            world.Checker.OnSweepAppended(life, term, Lease.Term, known, decision);
            if (decision.Sequence < known.Count)
                continue;
            known.Add(decision);
            if (decision is SweepEnded)
                sweepEndedNs[sweep] = world.Scheduler.NowNs;
        }

        return new SweepAppended(sweep, decisions[^1].Sequence);
    }

    /// <summary>A sweep's decisions in their order.</summary>
    public IReadOnlyList<SweepDecision> Sweep(ulong sweep) =>
        sweeps.TryGetValue(sweep, out List<SweepDecision>? known) ? known : [];

    private bool IsLoaded(List<SweepDecision> decisions) =>
        SweepState.Of(decisions).EndReason is null
        || sweepEndedNs[decisions[0].Sweep] + KeepsEndedNs > world.Scheduler.NowNs;

    protected virtual bool IsCurrent(long term) => Lease.Term == term;

    protected LeaseTaken Grant(ProcessLife life, CoordinatorIdentity holder, long term)
    {
        Lease = new Lease(term, Lease.Beat + 1, holder);
        world.Checker.OnTermBegins(life, term);
        return new LeaseTaken(term);
    }

    protected void Apply(ProcessLife life, long term, JobDecision decision)
    {
        StoredJob? known = Find(decision.Job);
        world.Checker.OnAppended(life, term, Lease.Term, known, decision);
        if (decision is JobSubmitted submitted)
        {
            if (known is null)
                jobs.Add(decision.Job, StoredJob.New(decision.Job, submitted.Description));
            return;
        }

        if (known is null || known.Outcome is not null)
            return;
        StoredJob changed = known.With(decision);
        jobs[decision.Job] = changed;
        if (changed.Outcome is not null)
            endedNs[decision.Job] = world.Scheduler.NowNs;
    }
}
