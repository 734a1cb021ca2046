using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>A store in memory that answers at once, or fails when told to.</summary>
internal sealed class FakeStore
{
    private readonly SortedDictionary<ulong, StoredJob> jobs = [];
    private readonly List<ulong> order = [];
    private readonly SortedDictionary<ulong, List<SweepDecision>> sweeps = [];

    public Lease Lease { get; private set; } = new(0, 0, null);

    public List<JobDecision> Decisions { get; } = [];

    /// <summary>Takes nothing and says so, as while a disk is full.</summary>
    public bool IsOut { get; set; }

    /// <summary>
    /// With so many decisions about sweeps whoever appended the last of them is cut off, before it
    /// learns that it has.
    /// </summary>
    public int CutAfterSweepDecisions { get; set; } = int.MaxValue;

    public int SweepDecisions => sweeps.Values.Sum(decisions => decisions.Count);

    /// <summary>Whether a coordinator was cut off.</summary>
    public bool HasCut { get; set; }

    public StoredJob Job(ulong job) => jobs[job];

    public IReadOnlyCollection<StoredJob> Jobs => jobs.Values;

    public IReadOnlyList<SweepDecision> Sweep(ulong sweep) =>
        sweeps.TryGetValue(sweep, out List<SweepDecision>? decisions) ? decisions : [];

    public Session Connect() => new(this);

    private void ReadLease(IActorRef replyTo) => Answer(
        replyTo, () => new LeaseRead(Lease, HolderIsGone: false));

    private void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo) => Answer(
        replyTo,
        () =>
        {
            if (Lease.Term != seen.Term || Lease.Beat != seen.Beat)
                return new LeaseRead(Lease, HolderIsGone: false);
            Lease = new Lease(Lease.Term + 1, 0, holder);
            return new LeaseTaken(Lease.Term);
        });

    private void RenewLease(long term, IActorRef replyTo) => Answer(
        replyTo,
        () =>
        {
            if (Lease.Term != term)
                return new LeaseRead(Lease, HolderIsGone: false);
            Lease = Lease with { Beat = Lease.Beat + 1 };
            return new LeaseRenewed(term);
        });

    private void ReturnLease(long term)
    {
        if (Lease.Term == term && !IsOut)
            Lease = Lease with { Holder = null };
    }

    private void LoadJobs(IActorRef replyTo) => Answer(
        replyTo,
        () => new JobsLoaded(
            [.. order.Select(job => jobs[job])],
            [.. sweeps.Values.Select(decisions => decisions.ToList())]));

    private void Append(long term, JobDecision decision, IActorRef replyTo) => Answer(
        replyTo,
        () =>
        {
            if (Lease.Term != term)
                return new AppendRefused(decision, Lease);
            Decisions.Add(decision);
            if (decision is JobSubmitted submitted && jobs.TryAdd(
                decision.Job, StoredJob.New(decision.Job, submitted.Description)))
                order.Add(decision.Job);
            jobs[decision.Job] = jobs[decision.Job].With(decision);
            return new Appended(decision);
        },
        decision);

    private void AppendSweep(
        long term, IReadOnlyList<SweepDecision> decisions, IActorRef replyTo) => Answer(
        replyTo,
        () =>
        {
            ulong sweep = decisions[0].Sweep;
            if (Lease.Term != term)
                return new SweepAppendRefused(sweep, Lease);
            if (!sweeps.TryGetValue(sweep, out List<SweepDecision>? known))
                sweeps.Add(sweep, known = []);
            int count = known.Count;
            known.AddRange(decisions.Where(decision => decision.Sequence >= count));
            return new SweepAppended(sweep, decisions[^1].Sequence);
        });

    private void Answer(IActorRef replyTo, Func<object> act, JobDecision? decision = null) =>
        replyTo.Tell(IsOut ? new StoreFailed(decision, "the disk is full") : act());

    /// <summary>One process's way to the store.</summary>
    public sealed class Session(FakeStore store) : IClusterStore
    {
        /// <summary>The process is gone: its calls take no effect any more.</summary>
        public bool IsCut { get; set; }

        public void ReadLease(IActorRef replyTo) => Pass(() => store.ReadLease(replyTo));

        public void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo) =>
            Pass(() => store.TakeLease(holder, seen, replyTo));

        public void RenewLease(long term, IActorRef replyTo) =>
            Pass(() => store.RenewLease(term, replyTo));

        public void ReturnLease(long term) => Pass(() => store.ReturnLease(term));

        public void LoadJobs(IActorRef replyTo) => Pass(() => store.LoadJobs(replyTo));

        public void Append(long term, JobDecision decision, IActorRef replyTo) =>
            Pass(() => store.Append(term, decision, replyTo));

        public void AppendSweep(
            long term, IReadOnlyList<SweepDecision> decisions, IActorRef replyTo) =>
            Pass(() =>
            {
                bool isCut = store.CutAfterSweepDecisions != int.MaxValue
                    && store.SweepDecisions + NewOf(decisions) >= store.CutAfterSweepDecisions;
                store.AppendSweep(term, decisions, isCut ? Nobody.Instance : replyTo);
                if (!isCut)
                    return;
                IsCut = store.HasCut = true;
                store.CutAfterSweepDecisions = int.MaxValue;
            });

        private int NewOf(IReadOnlyList<SweepDecision> decisions) => decisions.Count(
            decision => decision.Sequence >= store.Sweep(decision.Sweep).Count);

        private void Pass(Action call)
        {
            if (!IsCut)
                call();
        }
    }

    private sealed class Nobody : IActorRef
    {
        public static Nobody Instance { get; } = new();

        public string Path => "/nobody";

        public void Tell(object message, IActorRef? sender = null)
        {
        }
    }
}
