using Distributed.Cluster.Coordination;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>A store in memory that answers at once, or fails when told to.</summary>
internal sealed class FakeStore
{
    private readonly SortedDictionary<ulong, StoredJob> jobs = [];
    private readonly List<ulong> order = [];

    public Lease Lease { get; private set; } = new(0, 0, null);

    public List<JobDecision> Decisions { get; } = [];

    /// <summary>Takes nothing and says so, as while a disk is full.</summary>
    public bool IsOut { get; set; }

    public StoredJob Job(ulong job) => jobs[job];

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
        replyTo, () => new JobsLoaded([.. order.Select(job => jobs[job])]));

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

        private void Pass(Action call)
        {
            if (!IsCut)
                call();
        }
    }
}
