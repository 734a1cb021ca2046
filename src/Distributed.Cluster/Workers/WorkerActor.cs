using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Workers;

/// <summary>
/// A worker: finds the coordinator that acts, stays in touch with it, and takes one job at a time
/// from it. While there is no coordinator the job goes on; what it has to tell is kept.
/// </summary>
/// <param name="identity">Of the first life: a worker that was removed draws a new
/// incarnation.</param>
/// <param name="seeds">Coordinators' addresses, dialled in turn.</param>
/// <param name="dialer">The way to them.</param>
/// <param name="port">The device.</param>
/// <param name="timing">How often and how patiently.</param>
/// <param name="host">Told WorkerJoined, NoCoordinator and, last, WorkerLeft.</param>
public sealed class WorkerActor(
    WorkerIdentity identity, IReadOnlyList<string> seeds, IDialPort dialer, ITrainingPort port,
    WorkerTiming timing, IActorRef host) : Actor
{
    private static readonly object BeatTimer = new();
    private static readonly object RedialTimer = new();

    private WorkerIdentity self = identity;
    private IControlLink? link;
    private bool isMember;
    private bool isDialling;
    private string leader = "";
    private string dialled = "";
    private int nextSeed;
    private long term;
    private long heardNs;
    private long beatNs;
    private string? leaveReason;
    private string benchReason = "";
    private JobWork? work;
    private long lastSequence;
    private AttachmentOutbox attachments = null!;

    protected override void PreStart(IActorContext context)
    {
        beatNs = context.NowNs;
        attachments = new AttachmentOutbox(Send);
        context.Log.Fields = () => work?.LogFields() ?? [];
        context.StartPeriodicTimer(BeatTimer, timing.HeartbeatInterval, Beat.Instance);
        Dial(context);
    }

    protected override void PostStop(IActorContext context)
    {
        Release("the worker stops");
        link?.Close("the worker stops");
    }

    protected override void Receive(object message, IActorContext context)
    {
        switch (message)
        {
            case WorkAnswered answered when answered.Work == work:
                work.OnAnswer(answered.Answer, context);
                break;
            case LinkMessage received when received.Link == link:
                heardNs = context.NowNs;
                OnCoordinator(received.Message, context);
                break;
            case AttachmentLeft left when left.Link == link:
                attachments.OnLeft();
                work?.OnAttachmentsGone();
                break;
            case Beat:
                OnBeat(context);
                break;
            case LinkOpened opened:
                isDialling = false;
                link = opened.Link;
                heardNs = context.NowNs;
                break;
            case LinkClosed closed:
                if (closed.Link == link)
                    LoseLink(closed.Reason, context);
                break;
            case DialFailed failed:
                isDialling = false;
                host.Tell(new NoCoordinator(failed.Reason));
                RedialLater(context);
                break;
            case Redial:
                Dial(context);
                break;
            case VitalsReported or LogReported:
                Send((WorkerMessage)message);
                break;
            case LeaveCluster leave:
                OnLeave(leave, context);
                break;
            case WorkAnswered or LinkMessage or AttachmentLeft:
                // Of a job that was released, or of a stream that was given up.
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void OnCoordinator(CoordinatorMessage message, IActorContext context)
    {
        switch (message)
        {
            case Ordered ordered when isMember:
                OnOrder(ordered.Order, context);
                break;
            case ReportsRecorded recorded when recorded.Job == work?.Job:
                work.OnRecorded(recorded, context);
                break;
            case Welcome welcome:
                OnWelcome(welcome, context);
                break;
            case NotLeader notLeader:
                leader = notLeader.LeaderAddress;
                break;
            case Removed removed:
                OnRemoved(removed, context);
                break;
            case LeaveOrdered leave:
                OnLeave(new LeaveCluster(leave.Reason), context);
                break;
            case BenchOrdered bench:
                benchReason = bench.Reason;
                Send(new Benched(benchReason));
                break;
        }
    }

    private void OnWelcome(Welcome welcome, IActorContext context)
    {
        if (welcome.Term < term)
        {
            GiveUpLink($"it is of term {welcome.Term}, which term {term} replaced", context);
            return;
        }

        term = welcome.Term;
        isMember = true;
        leader = dialled;
        context.Log.Info($"joined the cluster at {dialled} in term {term}");
        host.Tell(new WorkerJoined(dialled, term));
        if (benchReason.Length > 0)
            Send(new Benched(benchReason));
        if (work is null)
            Send(new WorkForgotten(Job: 0));
        else
            work.TellAll();
        if (leaveReason is not null)
            link!.Tell(new LeaveRequest(leaveReason));
    }

    private void OnRemoved(Removed removed, IActorContext context)
    {
        Release(removed.Reason);
        if (leaveReason is not null)
        {
            Leave(removed.Reason, context);
            return;
        }

        context.Log.Warning($"removed from the cluster: {removed.Reason}; joining as new");
        self = self with { Incarnation = context.Random.NextUInt64() };
        GiveUpLink("this incarnation was removed", context);
    }

    private void OnOrder(JobOrder order, IActorContext context)
    {
        if (order is PrepareJob prepare)
        {
            if (work?.Job == prepare.Job && !work.HasFailed)
            {
                work.TellState();
                return;
            }

            Release("another job took the worker");
            work = new JobWork(prepare, port, timing, lastSequence, attachments, Send);
            work.Prepare(context);
        }
        else if (order.Job != work?.Job)
        {
            Send(new WorkForgotten(order.Job));
        }
        else if (order is ReleaseJob release)
        {
            Release(release.Reason);
        }
        else
        {
            work.OnOrder(order, context);
        }
    }

    private void Release(string reason)
    {
        if (work is null)
            return;
        lastSequence = work.LastSequence;
        work.Release(reason);
        work = null;
    }

    private void OnLeave(LeaveCluster leave, IActorContext context)
    {
        if (leaveReason is not null)
            return;
        leaveReason = leave.Reason;
        if (isMember)
            Send(new LeaveRequest(leave.Reason));
        else if (work is null)
            Leave("no coordinator knows of it", context);
    }

    private void Leave(string reason, IActorContext context)
    {
        host.Tell(new WorkerLeft(reason));
        context.Stop(context.Self);
    }

    private void OnBeat(IActorContext context)
    {
        long sinceNs = context.NowNs - beatNs;
        beatNs = context.NowNs;
        if (sinceNs > 2 * (long)timing.HeartbeatInterval.TotalNanoseconds)
        {
            // This process stood still: the coordinator's answers may be waiting behind this beat.
            heardNs = context.NowNs;
        }

        if (link is null)
            return;
        if (isMember)
            link.Tell(Heartbeat.Instance);
        if (context.NowNs - heardNs > (long)timing.CoordinatorTimeout.TotalNanoseconds)
        {
            GiveUpLink(
                $"it said nothing for {timing.CoordinatorTimeout.TotalSeconds:0.#} s", context);
        }
    }

    private void GiveUpLink(string reason, IActorContext context)
    {
        link?.Close(reason);
        LoseLink(reason, context);
    }

    private void LoseLink(string reason, IActorContext context)
    {
        if (isMember)
            context.Log.Warning($"the coordinator at {dialled} is gone: {reason}");
        link = null;
        isMember = false;
        attachments.Clear();
        work?.OnAttachmentsGone();
        RedialLater(context);
    }

    private void RedialLater(IActorContext context)
    {
        if (!isDialling && !context.IsTimerActive(RedialTimer))
            context.StartTimer(RedialTimer, timing.RedialDelay, Redial.Instance);
    }

    private void Dial(IActorContext context)
    {
        if (link is not null || isDialling)
            return;
        isDialling = true;
        dialled = leader.Length > 0 ? leader : seeds[nextSeed++ % seeds.Count];
        leader = "";
        dialer.Dial(dialled, self, context.Self);
    }

    private bool Send(WorkerMessage message)
    {
        if (isMember)
            link!.Tell(message);
        return isMember;
    }

    private sealed record Beat
    {
        public static Beat Instance { get; } = new();
    }

    private sealed record Redial
    {
        public static Redial Instance { get; } = new();
    }
}
