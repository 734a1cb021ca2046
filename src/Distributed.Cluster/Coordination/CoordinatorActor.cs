using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>
/// Knows the connected workers and gives idle ones to the jobs that wait, oldest job first.
/// </summary>
/// <param name="createRecorder">Opens the port that writes one job's run folder.</param>
/// <param name="workersDeadline">How long a job waits for as many workers as it asks for.</param>
public sealed class CoordinatorActor(
    Func<IRunRecorder> createRecorder, TimeSpan workersDeadline) : Actor
{
    private readonly SortedDictionary<ulong, ConnectedWorker> workers = [];
    private readonly SortedDictionary<ulong, RunningJob> jobs = [];
    private readonly List<WaitingJob> waiting = [];
    private ulong jobCount;

    protected override void Receive(object message, IActorContext context)
    {
        switch (message)
        {
            case WorkerConnected connected:
                workers[connected.Worker.Incarnation] = new(connected.Worker, connected.Link, 0);
                context.Log.Info(
                    $"worker {connected.Worker.Name} (process {connected.Worker.ProcessId}, data "
                    + $"plane {connected.Worker.DataAddress}) is up");
                StartWaitingJobs(context);
                break;
            case WorkerDisconnected gone:
                OnDisconnected(gone, context);
                break;
            case ReportReceived received:
                if (workers.TryGetValue(received.Incarnation, out ConnectedWorker? worker)
                    && jobs.TryGetValue(worker.Job, out RunningJob? job)
                    && received.Report.Job == worker.Job)
                    job.Actor.Tell(received, context.Self);
                else
                    context.Unhandled(received);
                break;
            case SubmitJob submit:
                OnSubmit(submit, context);
                break;
            case WorkersMissing missing:
                OnWorkersMissing(missing.Job);
                break;
            case StopJob stop:
                OnStop(stop, context);
                break;
            case JobEnded ended:
                OnJobEnded(ended.Job, context);
                break;
            case GetStatus:
                context.Reply(Status());
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void OnDisconnected(WorkerDisconnected gone, IActorContext context)
    {
        if (!workers.Remove(gone.Incarnation, out ConnectedWorker? worker))
            return;
        context.Log.Info($"worker {worker.Identity.Name} is gone: {gone.Reason}");
        if (jobs.TryGetValue(worker.Job, out RunningJob? job))
            job.Actor.Tell(gone, context.Self);
    }

    private void OnSubmit(SubmitJob submit, IActorContext context)
    {
        // A job's number also marks its frames, so numbers of two coordinator lives must differ.
        ulong job = (context.Random.NextUInt64() & 0xFFFF_FFFF_FFFF_0000UL) | (++jobCount & 0xFFFF);
        waiting.Add(new WaitingJob(job, submit.Description, submit.Watcher));
        submit.Watcher.Tell(new JobAccepted(job));
        context.StartTimer(job, workersDeadline, new WorkersMissing(job));
        StartWaitingJobs(context);
    }

    private void StartWaitingJobs(IActorContext context)
    {
        while (waiting.Count > 0)
        {
            WaitingJob next = waiting[0];
            PlacementDecision placement = Placement.Choose(
                next.Description.WorkerCount,
                [.. workers.Values.Where(worker => worker.Job == 0).Select(w => w.Identity)]);
            if (placement.Workers.Count == 0)
            {
                context.Log.Info($"job {next.Description.Name} waits: {placement.Reason}");
                return;
            }

            waiting.RemoveAt(0);
            context.CancelTimer(next.Job);
            Start(next, placement, context);
        }
    }

    private void Start(WaitingJob next, PlacementDecision placement, IActorContext context)
    {
        context.Log.Info($"job {next.Description.Name} starts: {placement.Reason}");
        var chosen = new List<JobWorker>();
        foreach (WorkerIdentity identity in placement.Workers)
        {
            ConnectedWorker worker = workers[identity.Incarnation];
            workers[identity.Incarnation] = worker with { Job = next.Job };
            chosen.Add(new JobWorker(identity, worker.Link));
        }

        IActorRef actor = context.Spawn(
            $"job-{next.Job:x16}",
            () => new JobActor(
                next.Job, next.Description, chosen, next.Watcher, createRecorder()));
        jobs.Add(next.Job, new RunningJob(next.Description, actor));
    }

    private void OnWorkersMissing(ulong job)
    {
        int index = waiting.FindIndex(candidate => candidate.Job == job);
        if (index < 0)
            return;
        WaitingJob late = waiting[index];
        waiting.RemoveAt(index);
        int idle = workers.Values.Count(worker => worker.Job == 0);
        late.Watcher.Tell(new RunFailed(
            ExitCodes.NotEnoughWorkers,
            $"the job asks for {late.Description.WorkerCount} workers, but {idle} of "
            + $"{workers.Count} in the cluster were idle for {workersDeadline.TotalSeconds:0} s; "
            + "start more workers or ask for fewer with --workers"));
    }

    private void OnStop(StopJob stop, IActorContext context)
    {
        if (jobs.TryGetValue(stop.Job, out RunningJob? job))
        {
            job.Actor.Tell(stop, context.Sender);
            return;
        }

        int index = waiting.FindIndex(candidate => candidate.Job == stop.Job);
        if (index >= 0)
        {
            JobDescription description = waiting[index].Description;
            waiting[index].Watcher.Tell(
                new RunInterrupted(description.StartStep, description.RunFolder));
            waiting.RemoveAt(index);
        }

        context.Reply(new StopJobReply(index >= 0));
    }

    private void OnJobEnded(ulong ended, IActorContext context)
    {
        jobs.Remove(ended);
        foreach (ulong incarnation in workers.Keys.ToList())
        {
            if (workers[incarnation].Job == ended)
                workers[incarnation] = workers[incarnation] with { Job = 0 };
        }

        StartWaitingJobs(context);
    }

    private ClusterStatus Status() => new(
        [.. workers.Values.Select(worker => new WorkerStatus(worker.Identity, worker.Job))],
        [
            .. waiting.Select(job => new JobStatus(
                job.Job, job.Description.Name, "waiting for workers", job.Description.StartStep,
                job.Description.Schedule.StepsTotal)),
            .. jobs.Select(entry => new JobStatus(
                entry.Key, entry.Value.Description.Name, "running",
                entry.Value.Description.StartStep, entry.Value.Description.Schedule.StepsTotal)),
        ]);

    private sealed record ConnectedWorker(WorkerIdentity Identity, IActorRef Link, ulong Job);

    private sealed record RunningJob(JobDescription Description, IActorRef Actor);

    private sealed record WaitingJob(ulong Job, JobDescription Description, IActorRef Watcher);

    private sealed record WorkersMissing(ulong Job);
}
