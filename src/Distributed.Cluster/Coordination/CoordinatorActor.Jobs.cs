using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>How jobs are taken on, get workers and end.</summary>
public sealed partial class CoordinatorActor
{
    private readonly SortedDictionary<ulong, RunningJob> jobs = [];
    private readonly List<ulong> jobOrder = [];
    private readonly SortedDictionary<ulong, RunEvent> ended = [];
    private readonly SortedDictionary<ulong, List<IActorRef>> submissions = [];
    private readonly HashSet<(ulong Job, ulong Incarnation)> spared = [];

    private void OnJobMessage(object message, IActorContext context)
    {
        switch (message)
        {
            case JobProgressed progressed:
                if (jobs.TryGetValue(progressed.Status.Job, out RunningJob? running))
                    running.Status = progressed.Status;
                context.Publish(new JobStatusObserved(progressed.Status));
                break;
            case WorkerSpared workerSpared:
                OnSpared(workerSpared, context);
                break;
            case JobEnded jobEnded:
                OnJobEnded(jobEnded, context);
                break;
            case LeaseLost lost:
                if (lease is not null)
                    StepDown(lost.Reason, context);
                break;
            case Appended { Decision: JobSubmitted submitted }:
                OnSubmitted(submitted, context);
                break;
            case AppendRefused refused:
                StepDown($"term {refused.Lease.Term} has begun", context);
                break;
            case SubmitAgain again:
                if (isActing && submissions.ContainsKey(again.Decision.Job))
                    store.Append(lease!.Term, again.Decision, context.Self);
                break;
            case LoadAgain:
                if (lease is not null && !isActing)
                    store.LoadJobs(context.Self);
                break;
            case SubmitJob or WatchJob or StopJob or ClusterOrder when !isActing:
                TellStandby(message, context);
                break;
            case SubmitJob submit:
                OnSubmit(submit, context);
                break;
            case WatchJob watch:
                OnWatch(watch);
                break;
            case WatcherGone gone:
                if (jobs.TryGetValue(gone.Job, out RunningJob? watched)
                    && watched.Watchers.Remove(gone.Watcher))
                    watched.Actor.Tell(new WatcherRemoved(gone.Watcher));
                break;
            case StopJob stop:
                OnStop(stop, context);
                break;
            case ClusterOrder order:
                OnOrder(order, context);
                break;
            case WorkersWanted wanted:
                OnWorkersWanted(wanted, context);
                break;
            default:
                OnSweepMessage(message, context);
                break;
        }
    }

    private void TellStandby(object message, IActorContext context)
    {
        var answer = new CoordinatorStandsBy(LeaderAddress);
        IActorRef? watcher = message switch
        {
            SubmitJob submit => submit.Watcher,
            WatchJob watch => watch.Watcher,
            SubmitSweep submit => submit.Watcher,
            WatchSweep watch => watch.Watcher,
            _ => null,
        };
        if (watcher is not null)
            watcher.Tell(answer);
        else
            context.Reply(answer);
    }

    private void OnSubmit(SubmitJob submit, IActorContext context)
    {
        if (jobs.ContainsKey(submit.Job) || ended.ContainsKey(submit.Job))
        {
            OnWatch(new WatchJob(submit.Job, EpochsSeen: 0, ReturnsSeen: 0, submit.Watcher));
            return;
        }

        if (submissions.TryGetValue(submit.Job, out List<IActorRef>? watchers))
        {
            watchers.Add(submit.Watcher);
            return;
        }

        submissions.Add(submit.Job, [submit.Watcher]);
        if (submit.Sweep != 0)
            sweepOfJob[submit.Job] = submit.Sweep;
        store.Append(
            lease!.Term, new JobSubmitted(submit.Job, submit.Description), context.Self);
    }

    private void OnSubmitted(JobSubmitted submitted, IActorContext context)
    {
        if (!isActing || !submissions.Remove(submitted.Job, out List<IActorRef>? watchers))
            return;
        RunningJob job = StartJob(StoredJob.New(submitted.Job, submitted.Description), context);
        foreach (IActorRef watcher in watchers)
            job.Watch(new WatcherAdded(watcher, EpochsSeen: 0, ReturnsSeen: 0));
        AssignIdle(context);
    }

    private RunningJob StartJob(StoredJob stored, IActorContext context)
    {
        context.Log.Info($"job {stored.Description.Name} ({stored.Job:x16}) is taken on");
        LeaseHold held = lease!;
        IActorRef actor = context.Spawn(
            $"job-{stored.Job:x16}-{held.Term}",
            () => new JobActor(stored, held, store, createRecorder(), settings));
        JobDescription description = stored.Description;
        var job = new RunningJob(
            description, actor,
            new JobStatus(
                stored.Job, description.Name, "opening", stored.Generation?.Number ?? 0,
                description.StartStep, description.Schedule.StepsTotal));
        context.Publish(new JobObserved(
            stored.Job, description, sweepOfJob.GetValueOrDefault(stored.Job)));
        actor.Tell(new WatcherAdded(
            new JobObserver(context.System.Events, stored.Job), EpochsSeen: 0, ReturnsSeen: 0));
        jobs.Add(stored.Job, job);
        jobOrder.Add(stored.Job);
        return job;
    }

    private void OnWatch(WatchJob watch)
    {
        if (jobs.TryGetValue(watch.Job, out RunningJob? job))
        {
            job.Watch(new WatcherAdded(watch.Watcher, watch.EpochsSeen, watch.ReturnsSeen));
        }
        else if (ended.TryGetValue(watch.Job, out RunEvent? outcome))
        {
            TellOutcome(watch.Watcher, watch.Job, outcome);
        }
        else
        {
            watch.Watcher.Tell(new RunFailed(
                ExitCodes.OperatingError,
                $"the cluster knows no job {watch.Job:x16}: expected one that is running or ended "
                + "within the last hour"));
        }
    }

    /// <summary>A job that ended at once may not have told of its acceptance.</summary>
    private static void TellOutcome(IActorRef watcher, ulong job, RunEvent outcome)
    {
        watcher.Tell(new JobAccepted(job));
        watcher.Tell(outcome);
    }

    private void OnStop(StopJob stop, IActorContext context)
    {
        if (jobs.TryGetValue(stop.Job, out RunningJob? job))
            job.Actor.Tell(stop, context.Sender);
        else
            context.Reply(new StopJobReply(false));
    }

    private void OnSpared(WorkerSpared workerSpared, IActorContext context)
    {
        if (!workerSpared.MayReturn && jobs.ContainsKey(workerSpared.Job))
            spared.Add((workerSpared.Job, workerSpared.Incarnation));
        if (!members.TryGetValue(workerSpared.Incarnation, out Member? member)
            || member.Job != workerSpared.Job)
            return;
        member.BecomeIdle();
        Show(member, context);
        if (member.IsLeaving)
            LetGo(member, workerSpared.Reason, context);
        AssignIdle(context);
    }

    private void OnJobEnded(JobEnded jobEnded, IActorContext context)
    {
        if (jobs.Remove(jobEnded.Job, out RunningJob? job))
        {
            foreach (IActorRef watcher in job.Watchers)
                TellOutcome(watcher, jobEnded.Job, jobEnded.Outcome);
        }

        context.Publish(new JobHappened(jobEnded.Job, jobEnded.Outcome));
        jobOrder.Remove(jobEnded.Job);
        sweepOfJob.Remove(jobEnded.Job);
        ended[jobEnded.Job] = jobEnded.Outcome;
        spared.RemoveWhere(pair => pair.Job == jobEnded.Job);
        foreach (Member member in members.Values.ToList())
        {
            if (member.Job != jobEnded.Job)
                continue;
            member.BecomeIdle();
            Show(member, context);
            if (member.IsLeaving)
                LetGo(member, "its job has ended", context);
        }

        AssignIdle(context);
    }

    /// <summary>Gives idle workers to the jobs that want more, oldest job first.</summary>
    private void AssignIdle(IActorContext context)
    {
        foreach (ulong number in jobOrder)
        {
            RunningJob job = jobs[number];
            int assigned = members.Values.Count(member => member.Job == number);
            int wanted = job.Description.WorkerCount - assigned;
            if (wanted <= 0)
                continue;
            foreach (Member member in Placement.Choose(wanted, Idle(number)))
            {
                member.Job = number;
                Show(member, context);
                job.Actor.Tell(
                    new WorkerAssigned(member.Identity, member.Link!, IsReturning: false));
            }
        }

        TellCapacity();
    }

    private IEnumerable<Member> Idle(ulong job) => members.Values.Where(
        member => member is { IsUsable: true, IsKnown: true, Job: 0 }
            && table.IsUp(member.Identity.Incarnation)
            && !spared.Contains((job, member.Identity.Incarnation))
            && !IsBenched(member, job));

    private void StopJobs(IActorContext context)
    {
        var standsBy = new CoordinatorStandsBy(LeaderAddress);
        foreach (RunningJob job in jobs.Values)
        {
            context.Stop(job.Actor);
            foreach (IActorRef watcher in job.Watchers)
                watcher.Tell(standsBy);
        }

        jobs.Clear();
        jobOrder.Clear();
        ended.Clear();
        foreach (IActorRef watcher in submissions.Values.SelectMany(watchers => watchers))
            watcher.Tell(standsBy);
        submissions.Clear();
        spared.Clear();
    }

    private ClusterStatus Status() => new(
        isActing ? lease!.Term : 0, LeaderAddress,
        [
            .. members.Values.Select(member => new WorkerStatus(
                member.Identity, table.StatusOf(member.Identity.Incarnation).ToString(),
                member.Link is null, member.Job, member.Phase, member.Step)),
        ],
        [.. jobOrder.Select(number => jobs[number].Status)]);

    private sealed class RunningJob(
        JobDescription description, IActorRef actor, JobStatus status)
    {
        /// <summary>With as many workers as it asks for now.</summary>
        public JobDescription Description { get; set; } = description;

        public IActorRef Actor => actor;

        public JobStatus Status { get; set; } = status;

        /// <summary>
        /// The job's actor tells them what happens, but how it ends they hear from its parent: a
        /// message to an actor that has just stopped reaches nobody.
        /// </summary>
        public List<IActorRef> Watchers { get; } = [];

        public void Watch(WatcherAdded added)
        {
            if (!Watchers.Contains(added.Watcher))
                Watchers.Add(added.Watcher);
            actor.Tell(added);
        }
    }
}
