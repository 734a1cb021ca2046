using Distributed.Cluster.Coordination;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// One job on the coordinator: keeps a generation of workers together, puts what they report on
/// record, and ends with exactly one RunCompleted, RunInterrupted or RunFailed. Workers step on
/// their own; this actor is not in the loop of a step. What it decides is in the store before
/// anybody hears of it, so that a successor goes on from <paramref name="stored"/>.
/// </summary>
internal sealed partial class JobActor(
    StoredJob stored, LeaseHold lease, IClusterStore store, IRunRecorder recorder,
    CoordinatorSettings settings) : Actor
{
    private readonly JobDescription description = stored.Description;
    private readonly RunLedger ledger = new(recorder, stored.Description);
    private readonly SortedDictionary<ulong, JobWorker> workers = [];
    private readonly List<JobWatcher> watchers = [];
    private readonly Queue<JobDecision> appending = [];
    private StoredJob job = stored;
    private RunEvent? outcome;
    private bool isOpen;
    private bool isRecording;
    private long startedNs;

    private ulong Number => job.Job;

    private Generation? Current => job.Generation;

    protected override void PreStart(IActorContext context)
    {
        startedNs = context.NowNs;
        context.Log.Fields = () =>
        [
            new("job", $"{Number:x16}"), new("generation", Current?.Number ?? 0),
            new("step", ledger.LastStep),
        ];
        consensus.Begin(Current?.Number ?? 0);
        isReturning = Current is not null;
        if (isReturning)
            context.StartTimer(Timers.Return, settings.ReturnDeadline, Timers.Return);
        else
            context.StartTimer(Timers.Gather, settings.WorkersDeadline, Timers.Gather);
        context.StartPeriodicTimer(Timers.Record, settings.RecordInterval, Timers.Record);
        isRecording = true;
        recorder.Begin(description, context.Self);
    }

    protected override void PostStop(IActorContext context)
    {
        if (isRecording)
            recorder.Abandon();
        ForgetOrders();
    }

    protected override void Receive(object message, IActorContext context)
    {
        // A coordinator whose lease has run out says nothing more: its successor may be at work.
        if (!lease.IsValid(context.NowNs))
            return;
        switch (message)
        {
            case RecordingBegun begun:
                OnOpen(begun, context);
                break;
            case RecordingFailed failed:
                OnRecordingFailed(failed, context);
                break;
            case WatcherAdded added:
                OnWatcher(added);
                break;
            case WatcherRemoved removed:
                watchers.RemoveAll(watcher => watcher.Actor == removed.Watcher);
                break;
            case Appended appended:
                OnAppended(appended.Decision, context);
                break;
            case AppendRefused refused:
                context.Parent!.Tell(new LeaseLost($"term {refused.Lease.Term} has begun"));
                break;
            case StoreFailed failed:
                context.Log.Warning($"the store failed: {failed.Message}; trying again");
                context.StartTimer(Timers.Append, settings.LeaseInterval, Timers.Append);
                break;
            case StopJob stop:
                OnStop(stop, context);
                break;
            case ClusterOrder order:
                OnOrder(order, context);
                break;
            case RecordingEnded:
                isRecording = false;
                Append(new JobConcluded(Number, outcome!), context);
                break;
            default:
                if (!isOpen)
                    context.Stash();
                else
                    OnWork(message, context);
                break;
        }
    }

    private void OnOpen(RecordingBegun begun, IActorContext context)
    {
        if (outcome is not null)
            return;
        if (job.IsVoid && !isCutBack)
        {
            CutBack();
            return;
        }

        isOpen = true;
        ledger.Open(begun, context.NowNs);
        if (job.Numerics.Length > 0)
            recorder.Numerics(job.Numerics);
        foreach (JobWatcher watcher in watchers)
            watcher.TellEpochs(ledger.Epochs);
        context.UnstashAll();
        Regroup(context);
    }

    private void OnRecordingFailed(RecordingFailed failed, IActorContext context)
    {
        isRecording = false;
        if (failed.IsReplaced)
        {
            // Whether it was one of an older term that came late or of a newer one: with the next
            // term this is settled, and nothing is lost that was not confirmed.
            context.Parent!.Tell(new LeaseLost(failed.Message));
            return;
        }

        RunEvent end = outcome is null or RunCompleted
            ? new RunFailed(
                ExitCodes.OperatingError, failed.Message, IsDiskFull: failed.IsDiskFull)
            : outcome;
        outcome = null;
        Conclude(end, context);
    }

    private void OnWork(object message, IActorContext context)
    {
        switch (message)
        {
            case FromWorker from:
                if (workers.TryGetValue(from.Incarnation, out JobWorker? worker))
                    OnWorker(worker, from.Message, context);
                break;
            case RecordingDurable durable:
                OnDurable(durable, context);
                break;
            case Timers timer:
                OnTimer(timer, context);
                break;
            case WorkerAssigned assigned:
                OnAssigned(assigned, context);
                break;
            case WorkerLost lost:
                OnLost(lost, context);
                break;
            case WorkerDrained drained:
                if (workers.TryGetValue(drained.Incarnation, out JobWorker? benched))
                    benched.DrainReason = drained.Reason;
                Regroup(context);
                break;
            case WorkerLeaving leaving:
                if (workers.TryGetValue(leaving.Incarnation, out JobWorker? leaver))
                    leaver.IsLeaving = true;
                Regroup(context);
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void OnTimer(Timers timer, IActorContext context)
    {
        if (timer == Timers.Record)
        {
            ledger.Commit();
            TellProgress(context);
            return;
        }

        if (timer == Timers.Append)
            AppendNext(context);
        else if (timer == Timers.Gather)
            OnGatherDeadline(context);
        else if (timer == Timers.Return)
            isReturning = false;
        else if (timer == Timers.Halt)
            isHaltLate = true;
        else if (timer == Timers.Yield)
            isYieldLate = true;
        else if (timer == Timers.Bench)
            PrepareFailedAgain(context);
        Regroup(context);
    }

    private void OnWatcher(WatcherAdded added)
    {
        if (outcome is not null && appending.Count == 0 && !isRecording)
            return;
        var watcher = new JobWatcher(added.Watcher, added.EpochsSeen);
        watchers.RemoveAll(known => known.Actor == added.Watcher);
        watchers.Add(watcher);
        watcher.Tell(new JobAccepted(Number));
        if (added.ReturnsSeen < job.Returns)
            watcher.Tell(ReturnMissed());
        watcher.TellEpochs(ledger.Epochs);
    }

    private void OnWorker(JobWorker worker, WorkerMessage message, IActorContext context)
    {
        switch (message)
        {
            case ReportSent sent:
                OnReport(worker, sent, context);
                break;
            case AttachmentSent attached when attached.Generation > job.ReturnedFrom:
                recorder.Attach(attached.Attachment);
                break;
            case WorkReported reported:
                OnState(worker, reported.State, context);
                break;
            case WorkForgotten:
                Prepare(worker);
                break;
        }
    }

    private void OnReport(JobWorker worker, ReportSent sent, IActorContext context)
    {
        if (sent.Report.Generation <= job.ReturnedFrom)
            return;
        int rank = Current?.RankOf(worker.Identity.Incarnation) ?? -1;
        var origin = new ReportOrigin(worker.Identity.Incarnation, sent.Sequence, rank);
        switch (sent.Report)
        {
            case StepsCommitted steps:
                OnSteps(worker, origin with { Rank = steps.Rank }, steps, context);
                break;
            case EpochEvaluated evaluated:
                EpochCompleted? epoch = ledger.Add(origin, evaluated, context.NowNs);
                if (epoch is not null)
                    Tell(epoch);
                break;
            case CheckpointWritten written:
                ledger.Remember(origin);
                OnSaved(origin, written, context);
                break;
            case ParametersHashed hashed:
                ledger.Remember(origin);
                OnHashed(worker, origin, hashed, context);
                break;
        }
    }

    private void OnSteps(
        JobWorker worker, ReportOrigin origin, StepsCommitted report, IActorContext context)
    {
        IReadOnlyList<StepRecord> news = ledger.Add(origin, report);
        context.Publish(new StepsObserved(
            Number, worker.Identity.Incarnation, report.Rank, report.Generation, report.Steps));
        if (Current is { } generation && report.Rank >= 0
            && generation.RankOf(worker.Identity.Incarnation) == report.Rank)
        {
            // It works again: only failures without a step between them speak against it.
            worker.FailureCount = 0;
            int shards = generation.Ranks[report.Rank].Shards.Count;
            foreach (StepRecord step in report.Steps)
                worker.Measure(step.ComputeMs, shards);
        }

        if (news.Count == 0)
            return;
        StepRecord last = news[^1];
        double seconds = 0;
        long samples = 0;
        foreach (StepRecord step in news)
        {
            seconds += step.StepMs / 1e3;
            samples += step.Samples;
        }

        StepSchedule schedule = description.Schedule;
        bool isFirst = awaitsFirstStep;
        OnFirstStep(last.Step, context);
        if (isFirst)
            ReleaseSurplus(context);
        Tell(new StepCommitted(
            last.Step, schedule.StepsTotal, schedule.EpochOf(last.Step), schedule.EpochsTotal,
            last.Loss, seconds > 0 ? samples / seconds : 0));
        if (origin.Rank == 0 && worker.StepsMeasured >= StepsBeforeRebalancing)
            Regroup(context);
    }

    private void OnDurable(RecordingDurable durable, IActorContext context)
    {
        foreach ((ulong incarnation, long sequence) in ledger.Durable(durable))
        {
            if (workers.TryGetValue(incarnation, out JobWorker? worker))
            {
                worker.Link.Tell(new ReportsRecorded(
                    Number, Confirmable(incarnation, sequence), job.CheckpointStep));
            }
        }

        StoreSaved(context);
        AnnounceWhenDurable(context);
    }

    private void Append(JobDecision decision, IActorContext context)
    {
        appending.Enqueue(decision);
        if (appending.Count == 1)
            AppendNext(context);
    }

    private void AppendNext(IActorContext context)
    {
        if (appending.TryPeek(out JobDecision? next))
            store.Append(lease.Term, next, context.Self);
    }

    private void OnAppended(JobDecision decision, IActorContext context)
    {
        Invariant.Check(
            appending.TryDequeue(out JobDecision? oldest) && oldest == decision,
            "decisions become durable in their order");
        AppendNext(context);
        job = job.With(decision);
        AnswerOrder(oldest);
        switch (decision)
        {
            case GenerationDecided:
                AnnounceWhenDurable(context);
                break;
            case CheckpointRecorded saved:
                ReleaseSettled();
                Tell(new CheckpointSaved(saved.Step, saved.Path));
                saveFromStep = saved.Step >= saveFromStep ? null : saveFromStep;
                ReturnWhenSaved(context);
                FinishWhenThrough(context);
                Regroup(context);
                break;
            case ReturnedToCheckpoint returned:
                OnReturned(returned, context);
                break;
            case JobPaused:
                Regroup(context);
                break;
            case JobResumed:
                OnResumed(context);
                break;
            case JobScaled scaled:
                OnScaled(scaled, context);
                break;
            case StopRequested stop:
                AnswerStop();
                TellRanks(new StopWork(Number, stop.Reason));
                Regroup(context);
                break;
            case JobConcluded concluded:
                End(concluded.Outcome, context);
                break;
        }
    }

    /// <summary>From here on the job only puts its end on record.</summary>
    private void Conclude(RunEvent end, IActorContext context)
    {
        if (outcome is not null)
            return;
        outcome = end;
        context.Log.Info($"job {description.Name} ends: {end}");
        if (isRecording)
            recorder.End(end as RunCompleted);
        else
            Append(new JobConcluded(Number, end), context);
    }

    private void End(RunEvent end, IActorContext context)
    {
        foreach (JobWorker worker in workers.Values)
            worker.Order(new ReleaseJob(Number, "the job has ended"));
        watchers.Clear();
        context.Parent!.Tell(new JobEnded(Number, end));
        context.Stop(context.Self);
    }

    private void TellProgress(IActorContext context)
    {
        string state = outcome is not null ? "finishing"
            : job.StopReason is not null ? "stopping"
            : divergence is not null || job.IsVoid ? "returning to a checkpoint"
            : job.PauseReason is not null ? PauseState()
            : waitsFor.Length > 0 ? waitsFor
            : Current is null ? "preparing"
            : haltingTo > 0 ? "regrouping"
            : "running";
        var status = new JobStatus(
            Number, description.Name, state, Current?.Number ?? 0,
            Math.Max(ledger.LastStep, description.StartStep), description.Schedule.StepsTotal);
        if (status == toldStatus)
            return;
        toldStatus = status;
        context.Parent!.Tell(new JobProgressed(status));
    }

    private void Tell(RunEvent happened)
    {
        foreach (JobWatcher watcher in watchers)
            watcher.Tell(happened);
    }

    private void TellRanks(JobOrder order)
    {
        foreach (RankAssignment member in Current?.Ranks ?? [])
        {
            if (workers.TryGetValue(member.Worker.Incarnation, out JobWorker? worker))
                worker.Order(order);
        }
    }

    private enum Timers
    {
        Record,
        Append,
        Gather,
        Return,
        Halt,
        Yield,
        Bench,
        Pause,
    }
}
