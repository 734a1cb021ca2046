using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>
/// A coordinator: stands by until it holds the lease, then keeps the membership of workers and the
/// jobs, until the lease is lost. Answers <see cref="GetStatus"/> at any time.
/// </summary>
/// <param name="identity">This process.</param>
/// <param name="store">Shared by all coordinators of the cluster.</param>
/// <param name="createRecorder">Opens the port that writes one job's run folder.</param>
/// <param name="trialPort">Makes jobs of sweeps' trials.</param>
/// <param name="settings">How patient it is.</param>
public sealed partial class CoordinatorActor(
    CoordinatorIdentity identity, IClusterStore store, Func<IRunRecorder> createRecorder,
    ITrialPort trialPort, CoordinatorSettings settings) : Actor
{
    private LeaseHold? lease;
    private Lease? seenLease;
    private long seenSinceNs;
    private long askedNs;
    private bool isAsking;
    private bool isActing;

    private string LeaderAddress =>
        isActing ? identity.Address : seenLease?.Holder?.Address ?? "";

    protected override void PreStart(IActorContext context)
    {
        context.StartPeriodicTimer(LeaseTick.Instance, settings.LeaseInterval, LeaseTick.Instance);
        context.StartPeriodicTimer(
            WatchTick.Instance, settings.Membership.FailureDetector.HeartbeatInterval,
            WatchTick.Instance);
        context.Self.Tell(LeaseTick.Instance);
    }

    protected override void PostStop(IActorContext context)
    {
        if (lease is not null)
            store.ReturnLease(lease.Term);
        CloseLinks("the coordinator stops");
    }

    protected override void Receive(object message, IActorContext context)
    {
        if (lease is not null && !lease.IsValid(context.NowNs))
            StepDown("its lease could not be renewed in time", context);
        switch (message)
        {
            case WorkerSent sent:
                if (isActing)
                    OnSent(sent, context);
                break;
            case LeaseTick:
                OnLeaseTick(context);
                break;
            case WatchTick:
                OnWatchTick(context);
                break;
            case LeaseRead read:
                OnLeaseRead(read, context);
                break;
            case LeaseTaken taken:
                OnLeaseTaken(taken, context);
                break;
            case LeaseRenewed renewed:
                isAsking = false;
                if (renewed.Term == lease?.Term)
                    lease.Extend(askedNs + LeaseTimeoutNs);
                break;
            case JobsLoaded loaded:
                OnJobsLoaded(loaded, context);
                break;
            case StoreFailed failed:
                OnStoreFailed(failed, context);
                break;
            case WorkerConnected connected:
                OnConnected(connected, context);
                break;
            case WorkerDisconnected gone:
                OnDisconnected(gone, context);
                break;
            case GetStatus:
                context.Reply(Status());
                break;
            default:
                OnJobMessage(message, context);
                break;
        }
    }

    private long LeaseTimeoutNs => (long)settings.LeaseTimeout.TotalNanoseconds;

    private void OnLeaseTick(IActorContext context)
    {
        if (isAsking)
            return;
        isAsking = true;
        askedNs = context.NowNs;
        if (lease is not null)
            store.RenewLease(lease.Term, context.Self);
        else
            store.ReadLease(context.Self);
    }

    private void OnLeaseRead(LeaseRead read, IActorContext context)
    {
        isAsking = false;
        if (lease is not null)
        {
            if (read.Lease.Term != lease.Term)
                StepDown($"term {read.Lease.Term} has begun", context);
            return;
        }

        bool isSame = seenLease?.Term == read.Lease.Term && seenLease.Beat == read.Lease.Beat;
        if (!isSame)
            seenSinceNs = context.NowNs;
        if (read.Lease.Holder is { } holder && seenLease?.Holder != holder)
        {
            context.Publish(new LeadershipObserved(
                0, holder.Address, $"it holds the lease of term {read.Lease.Term}"));
        }

        seenLease = read.Lease;
        bool isOurs = read.Lease.Holder?.Incarnation == identity.Incarnation;
        bool isFree = read.Lease.Holder is null || read.HolderIsGone || isOurs;
        if (!isFree && context.NowNs - seenSinceNs < LeaseTimeoutNs)
            return;
        isAsking = true;
        askedNs = context.NowNs;
        store.TakeLease(identity, read.Lease, context.Self);
    }

    private void OnLeaseTaken(LeaseTaken taken, IActorContext context)
    {
        isAsking = false;
        lease = new LeaseHold(taken.Term, askedNs + LeaseTimeoutNs);
        context.Log.Info($"holds the lease of term {taken.Term}");
        store.LoadJobs(context.Self);
    }

    private void OnStoreFailed(StoreFailed failed, IActorContext context)
    {
        context.Log.Warning($"the store failed: {failed.Message}; trying again");
        if (failed.Decision is JobSubmitted submitted)
            context.StartTimer(submitted, settings.LeaseInterval, new SubmitAgain(submitted));
        else if (lease is not null && !isActing)
            context.StartTimer(LoadAgain.Instance, settings.LeaseInterval, LoadAgain.Instance);
        else if (submittedSweeps.Count > 0)
        {
            context.StartTimer(
                SubmitSweepsAgain.Instance, settings.LeaseInterval, SubmitSweepsAgain.Instance);
        }

        isAsking = false;
    }

    private void OnJobsLoaded(JobsLoaded loaded, IActorContext context)
    {
        if (lease is null || isActing)
            return;
        isActing = true;
        context.Publish(new LeadershipObserved(
            lease.Term, identity.Address, "it holds the lease"));
        context.Log.Info($"acts in term {lease.Term} with {loaded.Jobs.Count} jobs in the store");
        foreach (StoredJob job in loaded.Jobs)
        {
            if (job.Outcome is null)
                StartJob(job, context);
            else
                ended[job.Job] = job.Outcome;
        }

        foreach (IReadOnlyList<SweepDecision> history in loaded.Sweeps)
            StartSweep(history, context);
        TellCapacity();
    }

    /// <summary>From here on another coordinator may act: say nothing more, and stand by.</summary>
    private void StepDown(string reason, IActorContext context)
    {
        context.Log.Warning($"gives up term {lease?.Term}: {reason}");
        context.Publish(new LeadershipObserved(0, "", reason));
        lease = null;
        seenLease = null;
        isActing = false;
        isAsking = false;
        CloseLinks("the coordinator does not act any more");
        StopJobs(context);
        StopSweeps(context);
    }

    private sealed record LeaseTick
    {
        public static LeaseTick Instance { get; } = new();
    }

    private sealed record WatchTick
    {
        public static WatchTick Instance { get; } = new();
    }

    private sealed record LoadAgain
    {
        public static LoadAgain Instance { get; } = new();
    }

    private sealed record SubmitAgain(JobSubmitted Decision);
}
