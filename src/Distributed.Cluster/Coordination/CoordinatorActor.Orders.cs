using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>What a person orders the cluster to do.</summary>
public sealed partial class CoordinatorActor
{
    private void OnOrder(ClusterOrder order, IActorContext context)
    {
        switch (order)
        {
            case PauseJob pause:
                OrderJob(pause.Job, order, context);
                break;
            case ResumeJob resume:
                OrderJob(resume.Job, order, context);
                break;
            case ScaleJob scale:
                OrderJob(scale.Job, order, context);
                break;
            case CheckpointJob checkpoint:
                OrderJob(checkpoint.Job, order, context);
                break;
            case LeaveWorker leave:
                OrderLeave(leave, context);
                break;
            case DownWorker down:
                context.Reply(Down(down, context));
                break;
            case DownUnreachable down:
                context.Reply(DownAll(down, context));
                break;
            case BenchWorker bench:
                OrderBench(bench.Worker, Said(bench.Reason), context);
                break;
            case UnbenchWorker unbench:
                OrderBench(unbench.Worker, reason: "", context);
                break;
        }
    }

    private void OrderJob(ulong number, ClusterOrder order, IActorContext context)
    {
        if (!jobs.TryGetValue(number, out RunningJob? job))
        {
            context.Reply(Refused(UnknownJob(number)));
            return;
        }

        int usable = members.Values.Count(member => member.IsUsable);
        IActorRef? asker = context.Sender;
        if (order is ScaleJob scale && scale.Workers > usable && asker is not null)
            asker = new ScaleAnswer(asker, scale.Workers, usable);
        job.Actor.Tell(order, asker);
    }

    private string UnknownJob(ulong number)
    {
        string name = number.ToString("x16", CultureInfo.InvariantCulture);
        return ended.ContainsKey(number)
            ? $"job {name} has ended: expected one that goes on"
            : $"the cluster runs no job {name}: expected "
                + KnownOf(name, jobs.Keys.Select(
                    job => job.ToString("x16", CultureInfo.InvariantCulture)));
    }

    private static string KnownOf(string word, IEnumerable<string> known)
    {
        const int shown = 8;
        string[] all = [.. known];
        if (Nearest.Of(word, all) is { } nearest)
            return $"{nearest}, perhaps";
        return all.Length == 0 ? "one that is there, and there is none"
            : all.Length <= shown ? $"one of {string.Join(", ", all)}"
            : $"one of {string.Join(", ", all.Take(shown))} and {all.Length - shown} more";
    }

    /// <summary>The worker of that name or address; null, with the reason, where it is not
    /// clear.</summary>
    private Member? Find(string worker, out string reason)
    {
        reason = "";
        Member[] found =
        [
            .. members.Values.Where(
                member => member.Identity.Name == worker
                    || member.Identity.DataAddress == worker),
        ];
        if (found.Length == 1)
            return found[0];
        reason = found.Length > 1
            ? $"{found.Length} workers are called {worker}: expected the address of one of them, "
                + string.Join(" or ", found.Select(member => member.Identity.DataAddress))
            : $"the cluster has no worker {worker}: expected "
                + KnownOf(worker, members.Values.Select(member => member.Identity.Name).Distinct());
        return null;
    }

    /// <summary>The worker answers by asking to leave, and asks every coordinator.</summary>
    private void OrderLeave(LeaveWorker leave, IActorContext context)
    {
        if (Find(leave.Worker, out string reason) is not { } member)
        {
            context.Reply(Refused(reason));
            return;
        }

        if (member.Link is null)
        {
            context.Reply(Refused(
                $"worker {member.Identity.Name} is unreachable and cannot be asked to leave: "
                + "down it"));
            return;
        }

        if (context.Sender is { } asker)
            member.LeaveAskers.Add(asker);
        if (member.IsLeaving)
            AnswerLeave(member);
        else
            member.Link.Tell(new LeaveOrdered(Said(leave.Reason)));
    }

    private static void AnswerLeave(Member member)
    {
        ClusterOrderReply reply = Taken(
            $"worker {member.Identity.Name} hands its work over and leaves; its process ends");
        foreach (IActorRef asker in member.LeaveAskers)
            asker.Tell(reply);
        member.LeaveAskers.Clear();
    }

    private ClusterOrderReply Down(DownWorker down, IActorContext context)
    {
        if (Find(down.Worker, out string reason) is not { } member)
            return Refused(reason);
        Down(member, Said(down.Reason), context);
        AssignIdle(context);
        return Taken(
            $"worker {member.Identity.Name} is down; if its process lives it comes back as new");
    }

    private ClusterOrderReply DownAll(DownUnreachable down, IActorContext context)
    {
        Member[] gone = [.. members.Values.Where(member => member.Link is null)];
        foreach (Member member in gone)
            Down(member, Said(down.Reason), context);
        AssignIdle(context);
        return Taken(gone.Length == 0
            ? "no worker is unreachable"
            : $"down: {string.Join(", ", gone.Select(member => member.Identity.Name))}");
    }

    /// <summary>
    /// The worker remembers it: only once it says so is the order safe from whatever happens to
    /// this coordinator.
    /// </summary>
    private void OrderBench(string worker, string reason, IActorContext context)
    {
        if (Find(worker, out string why) is not { } member)
        {
            context.Reply(Refused(why));
            return;
        }

        if (member.Link is null)
        {
            context.Reply(Refused(Unheard(member)));
            return;
        }

        if (context.Sender is { } asker)
            member.BenchAskers.Add((asker, reason));
        member.Link.Tell(new BenchOrdered(reason));
    }

    private void OnBenched(Member member, string reason, IActorContext context)
    {
        string name = member.Identity.Name;
        member.BenchReason = reason;
        Show(member, context);
        if (member.Job != 0)
            TellDrained(member);
        ClusterOrderReply reply = Taken(
            reason.Length == 0 ? $"worker {name} may get work"
            : member.Job == 0 ? $"worker {name} gets no job from now on"
            : $"worker {name} hands its work over and gets no other");
        // Another order may be on its way to it, and is answered after this one.
        foreach ((IActorRef asker, string wanted) in member.BenchAskers)
        {
            if (wanted == reason)
                asker.Tell(reply);
        }

        member.BenchAskers.RemoveAll(order => order.Reason == reason);
        AssignIdle(context);
    }

    /// <summary>Whatever the worker was told last, it may not have heard.</summary>
    private static void RefuseOrders(Member member)
    {
        ClusterOrderReply reply = Refused(Unheard(member));
        foreach ((IActorRef asker, _) in member.BenchAskers)
            asker.Tell(reply);
        member.BenchAskers.Clear();
        foreach (IActorRef asker in member.LeaveAskers)
            asker.Tell(reply);
        member.LeaveAskers.Clear();
    }

    private static string Unheard(Member member) =>
        $"worker {member.Identity.Name} is unreachable and may not have heard the order: expected "
        + "one that answers; try again when it is back, or down it";

    private void TellDrained(Member member)
    {
        if (jobs.TryGetValue(member.Job, out RunningJob? job))
        {
            job.Actor.Tell(new WorkerDrained(
                member.Identity.Incarnation,
                member.BenchReason.Length > 0 ? $"it was benched: {member.BenchReason}" : null));
        }
    }

    private void OnWorkersWanted(WorkersWanted wanted, IActorContext context)
    {
        if (!jobs.TryGetValue(wanted.Job, out RunningJob? job))
            return;
        job.Description = job.Description with { WorkerCount = wanted.Count };
        context.Publish(new JobObserved(
            wanted.Job, job.Description, sweepOfJob.GetValueOrDefault(wanted.Job)));
        AssignIdle(context);
    }

    private static string Said(string reason) =>
        reason.Length > 0 ? reason : "no reason was given";

    private static ClusterOrderReply Taken(string message) => new(true, message);

    private static ClusterOrderReply Refused(string message) => new(false, message);

    /// <summary>Passes on a job's answer, with what the coordinator knows beside it.</summary>
    private sealed class ScaleAnswer(IActorRef asker, int wanted, int usable) : IActorRef
    {
        public string Path => asker.Path;

        public void Tell(object message, IActorRef? sender = null) => asker.Tell(
            message is ClusterOrderReply { Taken: true } reply
                ? reply with
                {
                    Message = $"{reply.Message}; the cluster has {usable} of {wanted} usable "
                        + "workers, and the job gets more when they join",
                }
                : message,
            sender);
    }
}
