using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>How workers come, stay in touch and go.</summary>
public sealed partial class CoordinatorActor
{
    private readonly SortedDictionary<ulong, Member> members = [];
    private readonly MembershipTable table = new(settings.Membership);
    private long watchedNs;

    private void OnConnected(WorkerConnected connected, IActorContext context)
    {
        if (!isActing)
        {
            connected.Link.Tell(new NotLeader(LeaderAddress));
            connected.Link.Close("this coordinator stands by");
            return;
        }

        ulong incarnation = connected.Worker.Incarnation;
        if (table.WasRemoved(incarnation))
        {
            connected.Link.Tell(new Removed($"incarnation {incarnation:x16} was removed before"));
            connected.Link.Close("this incarnation was removed");
            return;
        }

        bool isNew = !members.TryGetValue(incarnation, out Member? member);
        if (isNew)
        {
            DownPredecessor(connected.Worker, context);
            member = new Member(
                connected.Worker,
                new PhiAccrualDetector(settings.Membership.FailureDetector));
            members.Add(incarnation, member);
            Publish(
                table.Join(new MemberIdentity(
                    connected.Worker.Name, incarnation, connected.Worker.DataAddress,
                    connected.Worker.Roles)),
                context);
        }
        else if (member!.Link is null)
        {
            Publish(table.Reachable(incarnation, "it has come back"), context);
        }
        else
        {
            member.Link.Close("the worker has opened another stream");
            RefuseOrders(member);
        }

        member.Link = connected.Link;
        member.IsKnown = false;
        // It says so itself, before anything else.
        member.BenchReason = "";
        member.Detector.Heartbeat(context.NowNs);
        Show(member, context);
        connected.Link.Tell(new Welcome(lease!.Term));
        if (member.Job != 0 && jobs.TryGetValue(member.Job, out RunningJob? job))
            job.Actor.Tell(new WorkerAssigned(member.Identity, member.Link, IsReturning: true));
    }

    private void OnSent(WorkerSent sent, IActorContext context)
    {
        if (!members.TryGetValue(sent.Incarnation, out Member? member)
            || member.Link != sent.Link)
            return;
        member.Detector.Heartbeat(context.NowNs);
        switch (sent.Message)
        {
            case Heartbeat:
                sent.Link.Tell(HeartbeatAnswer.Instance);
                break;
            case ReportSent report:
                OnJobMessage(member, report.Report.Job, report, context);
                break;
            case WorkReported reported:
                OnJobMessage(member, reported.State.Job, reported, context);
                OnState(member, reported.State, context);
                break;
            case WorkForgotten forgotten:
                member.IsKnown = true;
                if (member.Job != 0 && (forgotten.Job == member.Job || forgotten.Job == 0))
                    TellJob(member, forgotten);
                AssignIdle(context);
                break;
            case LeaveRequest leave:
                OnLeave(member, leave, context);
                break;
            case Benched benched:
                OnBenched(member, benched.Reason, context);
                break;
            case VitalsReported vitals:
                context.Publish(new VitalsObserved(sent.Incarnation, vitals.Vitals));
                break;
            case LogReported log:
                context.Publish(new WorkerLogged(member.Identity, log.Line));
                break;
            case AttachmentSent attached when attached.Job == member.Job:
                TellJob(member, attached);
                break;
        }
    }

    private void OnJobMessage(
        Member member, ulong number, WorkerMessage message, IActorContext context)
    {
        member.IsKnown = true;
        if (member.Job == 0 && !spared.Contains((number, member.Identity.Incarnation))
            && jobs.TryGetValue(number, out RunningJob? job))
        {
            context.Log.Info($"worker {member.Identity.Name} comes back with job {number:x16}");
            member.Job = number;
            job.Actor.Tell(new WorkerAssigned(member.Identity, member.Link!, IsReturning: true));
            if (member.BenchReason.Length > 0)
                TellDrained(member);
        }

        if (member.Job == number)
        {
            TellJob(member, message);
            return;
        }

        member.Link!.Tell(new Ordered(
            new ReleaseJob(number, "the job goes on without it, or has ended")));
        AssignIdle(context);
    }

    private static void OnState(Member member, WorkState state, IActorContext context)
    {
        if (state.Device.Length > 0)
            member.Device = state.Device;
        // Of a job that it does not have any more it may still tell.
        if (member.Job == state.Job)
        {
            member.Phase = state.Phase.ToString();
            member.Step = state.Step;
        }

        Show(member, context);
    }

    private static void Show(Member member, IActorContext context) =>
        context.Publish(new WorkerObserved(
            member.Identity, member.Job, member.Phase, member.Step, member.Device,
            member.BenchReason));

    private void TellJob(Member member, WorkerMessage message)
    {
        if (jobs.TryGetValue(member.Job, out RunningJob? job))
            job.Actor.Tell(new FromWorker(member.Identity.Incarnation, message));
    }

    private void OnLeave(Member member, LeaveRequest leave, IActorContext context)
    {
        if (!member.IsLeaving)
            Publish(table.Leave(member.Identity.Incarnation, leave.Reason), context);
        member.IsLeaving = true;
        AnswerLeave(member);
        if (jobs.TryGetValue(member.Job, out RunningJob? job))
            job.Actor.Tell(new WorkerLeaving(member.Identity.Incarnation));
        else
            LetGo(member, leave.Reason, context);
    }

    /// <summary>Nothing needs the leaving worker any more.</summary>
    private void LetGo(Member member, string reason, IActorContext context)
    {
        Publish(table.Exit(member.Identity.Incarnation, reason), context);
        Remove(member, reason, context);
    }

    private void OnDisconnected(WorkerDisconnected gone, IActorContext context)
    {
        if (!members.TryGetValue(gone.Incarnation, out Member? member)
            || member.Link != gone.Link)
            return;
        context.Log.Info($"worker {member.Identity.Name} is unreachable: {gone.Reason}");
        member.Link = null;
        member.UnreachableSinceNs = context.NowNs;
        Publish(table.Unreachable(gone.Incarnation, gone.Reason), context);
        RefuseOrders(member);
        LoseForJob(member, gone.Reason);
        Show(member, context);
        AssignIdle(context);
    }

    private void LoseForJob(Member member, string reason)
    {
        if (jobs.TryGetValue(member.Job, out RunningJob? job))
            job.Actor.Tell(new WorkerLost(member.Identity.Incarnation, reason));
        member.BecomeIdle();
    }

    /// <summary>
    /// Downs who has been silent for too long or has not come back after its stream broke.
    /// </summary>
    private void OnWatchTick(IActorContext context)
    {
        long sinceNs = context.NowNs - watchedNs;
        watchedNs = context.NowNs;
        TimeSpan interval = settings.Membership.FailureDetector.HeartbeatInterval;
        // After a pause of this process the heartbeats wait behind this tick.
        if (!isActing || sinceNs > 2 * (long)interval.TotalNanoseconds)
            return;
        List<Member>? lost = null;
        foreach (Member member in members.Values)
        {
            bool isLost = member.Link is null
                ? context.NowNs - member.UnreachableSinceNs
                    > (long)settings.ReturnDeadline.TotalNanoseconds
                : !member.Detector.IsAvailable(context.NowNs);
            if (isLost)
                (lost ??= []).Add(member);
        }

        foreach (Member member in lost ?? [])
        {
            Down(
                member, member.Link is null ? "it has not come back" : "it has fallen silent",
                context);
        }

        if (lost is not null)
            AssignIdle(context);
    }

    /// <summary>Where one that cannot be reached was, another one is: it will not come
    /// back.</summary>
    private void DownPredecessor(WorkerIdentity worker, IActorContext context)
    {
        Member? before = members.Values.FirstOrDefault(
            member => member.Link is null
                && member.Identity.DataAddress == worker.DataAddress
                && worker.DataAddress.Length > 0);
        if (before is not null)
            Down(before, "another process has taken its address", context);
    }

    private void Down(Member member, string reason, IActorContext context)
    {
        context.Log.Warning($"worker {member.Identity.Name} is down: {reason}");
        if (member.Link is not null)
            Publish(table.Unreachable(member.Identity.Incarnation, reason), context);
        Publish(table.Down(member.Identity.Incarnation, reason), context);
        Remove(member, reason, context);
    }

    private void Remove(Member member, string reason, IActorContext context)
    {
        Publish(table.Remove(member.Identity.Incarnation, reason), context);
        members.Remove(member.Identity.Incarnation);
        member.Link?.Tell(new Removed(reason));
        member.Link?.Close(reason);
        RefuseOrders(member);
        LoseForJob(member, reason);
    }

    private void CloseLinks(string reason)
    {
        foreach (Member member in members.Values)
        {
            member.Link?.Close(reason);
            RefuseOrders(member);
        }

        members.Clear();
        table.Clear();
    }

    private static void Publish(IReadOnlyList<MembershipEvent> events, IActorContext context)
    {
        foreach (MembershipEvent happened in events)
            context.Publish(happened);
    }
}
