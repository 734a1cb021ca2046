using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Workers;

/// <summary>What the training port answered to one hire of a worker for a job.</summary>
internal sealed record WorkAnswered(JobWork Work, TrainingAnswer Answer);

/// <summary>
/// A worker's job, from Prepare to Release. It steps by itself; which step, evaluation or
/// checkpoint comes next is decided by <see cref="WorkDecisions"/>, and the work itself is done
/// behind <see cref="ITrainingPort"/>. The coordinator halts it and forms generations.
/// </summary>
internal sealed class JobWork(
    PrepareJob order, ITrainingPort port, WorkerTiming timing, long lastSequence,
    AttachmentOutbox attachments, Func<WorkerMessage, bool> send)
{
    /// <summary>A report is sent early when it holds this many steps.</summary>
    private const int StepsPerReportMax = 256;

    /// <summary>The next step does not directly follow another one.</summary>
    private const long NotInARow = -1;

    private readonly JobDescription description = order.Description;
    private readonly ReportOutbox outbox = new(lastSequence);
    private readonly List<StepRecord> unreported = [];
    private WorkProgress progress = WorkProgress.At(order.Step, order.Description.Schedule);
    private WorkPhase phase = WorkPhase.Preparing;
    private readonly Dictionary<long, int> saving = [];
    private int promised;
    private int origin;
    private long stepKept = order.Step;
    private Generation? generation;
    private int rank = -1;
    private string numerics = "";
    private string device = "";
    private WorkFailure? failure;
    private WorkResult? result;
    private WorkResult? resultToTell;
    private bool isHalting;
    private bool isWaitingForRecord;
    private bool isFinishing;
    private bool hasStopped;
    private bool stopWanted;
    private bool yieldWanted;
    private bool saveWanted;
    private int checkpointsInFlight;
    private double trainingMs;
    private long lastReportNs;
    private long lastCommitNs = NotInARow;
    private long longestGapNs;

    public ulong Job => order.Job;

    /// <summary>Of the last report: the next job's go on from it.</summary>
    public long LastSequence => outbox.LastSequence;

    public bool HasFailed => phase == WorkPhase.Failed;

    /// <summary>Where it is, for a line of log.</summary>
    public IReadOnlyList<LogField> LogFields() =>
    [
        new("job", $"{Job:x16}"), new("generation", generation?.Number ?? promised),
        new("step", progress.Step), new("rank", rank),
    ];

    public void Prepare(IActorContext context)
    {
        TellState();
        port.Prepare(order, new Answers(this, context.Self));
    }

    public void Release(string reason) => port.Release(reason);

    /// <summary>
    /// Tells a coordinator that has just taken the worker on all that is not on record yet, and
    /// then where the job stands: in that order, so that the coordinator which knows the latter
    /// knows the former.
    /// </summary>
    public void TellAll()
    {
        foreach (ReportSent report in outbox.Kept)
            send(report);
        TellState();
    }

    public void TellState() => send(new WorkReported(new WorkState(
        Job, promised, phase, progress.Step, numerics, device, failure, result,
        order.Returns)));

    public void OnRecorded(ReportsRecorded recorded, IActorContext context)
    {
        outbox.Drop(recorded.Sequence);
        stepKept = Math.Max(stepKept, recorded.CheckpointStep);
        if (isWaitingForRecord)
            Advance(context);
    }

    public void OnOrder(JobOrder given, IActorContext context)
    {
        switch (given)
        {
            case HaltJob halt when halt.Generation > promised:
                OnHalt(halt);
                break;
            case FormGeneration form when form.Generation.Number == promised
                && phase == WorkPhase.Halted && !isHalting:
                OnForm(form);
                break;
            case HaltJob halt when halt.Generation < promised:
            case FormGeneration form when form.Generation.Number < promised:
                // The coordinator has not heard of the newer one yet.
                TellState();
                break;
            case YieldWork yield:
                yieldWanted |= yield.Generation == promised && phase == WorkPhase.Running;
                break;
            case StopWork stop:
                context.Log.Info($"voting to stop: {stop.Reason}");
                stopWanted = true;
                break;
            case CheckpointWork:
                saveWanted |= phase == WorkPhase.Running;
                break;
            case SaveWork when phase == WorkPhase.Halted && !isHalting:
                Save(progress.Step, write: true);
                break;
        }
    }

    public void OnAnswer(TrainingAnswer answer, IActorContext context)
    {
        switch (answer)
        {
            case TrainingDecided decided:
                context.Log.Info(decided.Text);
                break;
            case StepDone done:
                OnStepDone(done, context);
                break;
            case TrainingPrepared prepared:
                OnPrepared(prepared);
                break;
            case TrainingJoined joined:
                OnJoined(joined, context);
                break;
            case TrainingHalted halted:
                OnHalted(halted, context);
                break;
            case EvaluationDone done:
                progress = progress with { EpochsEvaluated = done.Epoch };
                ReportSteps(context);
                Report(new EpochEvaluated(
                    Job, origin, done.Epoch, progress.Step, done.TrainLoss, done.TrainAccuracy,
                    done.TestBatches));
                Advance(context);
                break;
            case SnapshotTaken taken:
                OnSnapshot(taken, context);
                break;
            case CheckpointDone done:
                checkpointsInFlight--;
                // What led to it has to be on record before it.
                ReportSteps(context);
                Report(new CheckpointWritten(
                    Job, saving.GetValueOrDefault(done.Step, origin), done.Step, done.Path));
                FinishWhenSaved();
                break;
            case ParametersReady ready when phase == WorkPhase.Running && !isHalting:
                resultToTell = new WorkResult(hasStopped, ready.Sha256, trainingMs / 1e3);
                OnAttachmentsGone();
                break;
            case AttachmentReady ready:
                OnAttachment(ready, context);
                break;
            case TrainingFailed failed:
                OnFailed(failed.Failure, context);
                break;
        }
    }

    /// <summary>
    /// None is on its way any more, perhaps. A run is over with its result: what is to be shown of
    /// it goes first.
    /// </summary>
    public void OnAttachmentsGone()
    {
        if (resultToTell is null || !attachments.IsEmpty)
            return;
        (result, resultToTell) = (resultToTell, null);
        Enter(WorkPhase.Finished);
    }

    private void OnAttachment(AttachmentReady ready, IActorContext context)
    {
        RunAttachment attachment = ready.Attachment;
        if (!attachments.Add(new AttachmentSent(Job, ready.Generation, attachment)))
        {
            context.Log.Info(
                $"{attachment.Payload.Length} bytes of step {attachment.Step} are not shown: "
                + "there is no coordinator, or too much waits for it");
        }
    }

    private void OnSnapshot(SnapshotTaken taken, IActorContext context)
    {
        progress = progress with { StepSaved = taken.Step };
        // Between two generations there is nobody to compare with.
        if (generation is not null)
        {
            ReportSteps(context);
            Report(new ParametersHashed(
                Job, origin, taken.Step, IsSaved: true, taken.ParametersSha256));
        }

        Advance(context);
    }

    private void OnPrepared(TrainingPrepared prepared)
    {
        // A newer checkpoint may have taken the place of the one that was ordered.
        progress = progress with { Step = prepared.Step };
        numerics = prepared.Numerics;
        device = prepared.Device;
        Enter(WorkPhase.Halted);
    }

    private void OnHalt(HaltJob halt)
    {
        promised = halt.Generation;
        if (phase is WorkPhase.Preparing or WorkPhase.Failed)
        {
            TellState();
            return;
        }

        isHalting = true;
        isFinishing = false;
        resultToTell = null;
        port.Halt(promised, halt.Reason);
    }

    private void OnHalted(TrainingHalted halted, IActorContext context)
    {
        if (halted.Generation != promised)
            return;
        ReportSteps(context);
        isHalting = false;
        yieldWanted = false;
        saveWanted = false;
        generation = null;
        rank = -1;
        failure = phase == WorkPhase.Failed ? failure : null;
        result = null;
        progress = progress with { Step = halted.Step };
        Enter(phase == WorkPhase.Failed ? WorkPhase.Failed : WorkPhase.Halted);
    }

    private void OnForm(FormGeneration form)
    {
        generation = form.Generation;
        origin = generation.Number;
        rank = form.Rank;
        stopWanted = false;
        hasStopped = false;
        Enter(WorkPhase.Joining);
        port.Join(form);
    }

    private void OnJoined(TrainingJoined joined, IActorContext context)
    {
        if (isHalting || generation?.Number != joined.Generation)
            return;
        if (joined.Warning.Length > 0)
            context.Log.Warning(joined.Warning);
        StartPoint start = generation.Start;
        stepKept = Math.Max(stepKept, start.StepSaved);
        progress = new WorkProgress(start.Step, start.EpochsEvaluated, start.StepSaved, false);
        // The first step is reported at once: it shows that the change is through.
        lastReportNs = long.MinValue;
        lastCommitNs = NotInARow;
        Enter(WorkPhase.Running);
        Advance(context);
    }

    private void OnStepDone(StepDone done, IActorContext context)
    {
        Invariant.Check(done.Record.Step == progress.Step + 1, "steps are committed one by one");
        progress = progress with
        {
            Step = done.Record.Step,
            StopAgreed = progress.StopAgreed || done.StopVotes > 0,
            SaveAgreed = done.SaveVotes > 0,
        };
        saveWanted &= !progress.SaveAgreed;
        trainingMs += done.Record.StepMs;
        unreported.Add(done.Record);
        if (lastCommitNs != NotInARow)
            longestGapNs = Math.Max(longestGapNs, context.NowNs - lastCommitNs);
        lastCommitNs = context.NowNs;
        if (done.ParametersSha256.Length > 0)
        {
            ReportSteps(context);
            Report(new ParametersHashed(
                Job, origin, progress.Step, IsSaved: false, done.ParametersSha256));
        }

        if (IsReportDue(context))
            ReportSteps(context);
        if (done.YieldVotes > 0 && !isHalting)
        {
            ReportSteps(context);
            Enter(WorkPhase.Yielded);
            return;
        }

        Advance(context);
    }

    private void OnFailed(WorkFailure what, IActorContext context)
    {
        ReportSteps(context);
        if (isHalting && what.Blame == Blame.Peer)
            return;
        failure = what;
        resultToTell = null;
        Enter(what.Blame == Blame.Peer ? WorkPhase.Broken : WorkPhase.Failed);
    }

    private void Advance(IActorContext context)
    {
        if (phase != WorkPhase.Running || isHalting || isFinishing)
            return;
        WorkDecision decision = WorkDecisions.Next(description.Schedule, progress);
        isWaitingForRecord = decision.Action is WorkAction.RunStep
            && outbox.StepCount >= timing.UnrecordedStepsMax;
        if (isWaitingForRecord)
            return;
        if (decision.Action is not WorkAction.RunStep)
            lastCommitNs = NotInARow;
        switch (decision.Action)
        {
            case WorkAction.RunStep run:
                port.RunStep(
                    run.Step, new StepVotes(stopWanted, yieldWanted, saveWanted),
                    description.Schedule.HashesParametersAt(run.Step));
                break;
            case WorkAction.Evaluate evaluate:
                port.Evaluate(evaluate.Epoch);
                break;
            case WorkAction.SaveCheckpoint save:
                context.Log.Debug($"saving a checkpoint: {decision.Reason}");
                Save(save.Step, write: rank == 0);
                break;
            case WorkAction.Finish finish:
                context.Log.Info($"finished: {decision.Reason}");
                ReportSteps(context);
                isFinishing = true;
                hasStopped = finish.Stopped;
                FinishWhenSaved();
                break;
        }
    }

    private void Save(long step, bool write)
    {
        if (write)
        {
            checkpointsInFlight++;
            foreach (long older in saving.Keys.Where(older => older < stepKept).ToList())
                saving.Remove(older);
            saving[step] = origin;
        }

        port.SaveCheckpoint(step, write, stepKept);
    }

    private void FinishWhenSaved()
    {
        if (!isFinishing || isHalting || checkpointsInFlight > 0)
            return;
        isFinishing = false;
        port.HashParameters();
    }

    private void Enter(WorkPhase next)
    {
        phase = next;
        TellState();
    }

    private bool IsReportDue(IActorContext context) =>
        unreported.Count >= StepsPerReportMax || lastReportNs == long.MinValue
        || context.NowNs - lastReportNs >= (long)timing.ReportInterval.TotalNanoseconds;

    private void ReportSteps(IActorContext context)
    {
        lastReportNs = context.NowNs;
        if (unreported.Count == 0)
            return;
        Report(new StepsCommitted(
            Job, origin, rank, [.. unreported], longestGapNs / 1e6));
        unreported.Clear();
        longestGapNs = 0;
    }

    private void Report(JobReport report) => send(outbox.Add(report));

    /// <summary>
    /// A worker that prepares a job again may still be told what it had asked for before: answers
    /// say whom they are for.
    /// </summary>
    private sealed class Answers(JobWork work, IActorRef worker) : IActorRef
    {
        public string Path => worker.Path;

        public void Tell(object message, IActorRef? sender = null) =>
            worker.Tell(new WorkAnswered(work, (TrainingAnswer)message), sender);
    }
}
