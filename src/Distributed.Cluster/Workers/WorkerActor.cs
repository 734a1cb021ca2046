using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Workers;

/// <summary>
/// A worker: takes one job at a time from the coordinator and works through its schedule step by
/// step. Which step, evaluation or checkpoint comes next is decided by
/// <see cref="WorkDecisions"/>; the work itself is done behind <see cref="ITrainingPort"/>.
/// </summary>
/// <param name="coordinator">Where reports go.</param>
/// <param name="port">The device.</param>
/// <param name="reportInterval">How often committed steps are reported, in one message.</param>
public sealed class WorkerActor(
    IActorRef coordinator, ITrainingPort port, TimeSpan reportInterval) : Actor
{
    /// <summary>A report is sent early when it holds this many steps.</summary>
    private const int StepsPerReportMax = 256;

    private readonly List<StepRecord> unreported = [];
    private ulong job;
    private JobDescription? description;
    private WorkProgress progress = new(0, 0, 0, false);
    private int rank;
    private int checkpointsInFlight;
    private bool stopWanted;
    private bool finishing;
    private bool stopped;
    private double trainingMs;
    private long lastReportNs;

    protected override void Receive(object message, IActorContext context)
    {
        switch (message)
        {
            case PrepareJob order:
                OnPrepare(order, context);
                break;
            case JobOrder order when order.Job == job:
                OnOrder(order, context);
                break;
            case TrainingAnswer answer when answer.Job == job:
                OnAnswer(answer, context);
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void OnPrepare(PrepareJob order, IActorContext context)
    {
        if (description is not null)
            port.Release("another job took the worker");
        job = order.Job;
        description = order.Description;
        rank = order.Rank;
        progress = WorkProgress.At(description.StartStep, description.Schedule);
        unreported.Clear();
        checkpointsInFlight = 0;
        trainingMs = 0;
        stopWanted = finishing = stopped = false;
        port.Prepare(order, context.Self);
    }

    private void OnOrder(JobOrder order, IActorContext context)
    {
        switch (order)
        {
            case StartJob:
                lastReportNs = context.NowNs;
                Advance(context);
                break;
            case StopWork stop:
                context.Log.Info($"voting to stop: {stop.Reason}");
                stopWanted = true;
                break;
            case ReleaseJob release:
                port.Release(release.Reason);
                job = 0;
                description = null;
                break;
        }
    }

    private void OnAnswer(TrainingAnswer answer, IActorContext context)
    {
        switch (answer)
        {
            case TrainingPrepared prepared:
                Report(new JobPrepared(job, prepared.Step, prepared.Numerics, prepared.Device));
                break;
            case StepDone done:
                OnStepDone(done, context);
                break;
            case EvaluationDone done:
                progress = progress with { EpochsEvaluated = done.Epoch };
                ReportSteps(context);
                Report(new EpochShare(
                    job, done.Epoch, progress.Step, done.TrainLoss, done.TrainAccuracy,
                    done.TestBatches));
                Advance(context);
                break;
            case SnapshotTaken taken:
                progress = progress with { StepSaved = taken.Step };
                Advance(context);
                break;
            case CheckpointDone done:
                checkpointsInFlight--;
                Report(new CheckpointWritten(job, done.Step, done.Path));
                FinishWhenSaved();
                break;
            case ParametersReady ready:
                Report(new WorkFinished(
                    job, progress.Step, stopped, ready.Sha256, trainingMs / 1e3));
                break;
            case TrainingFailed failed:
                ReportSteps(context);
                Report(new WorkFailed(
                    job, progress.Step + 1, failed.ExitCode, failed.PeerRank, failed.Message));
                break;
        }
    }

    private void OnStepDone(StepDone done, IActorContext context)
    {
        Invariant.Check(done.Record.Step == progress.Step + 1, "steps are committed one by one");
        progress = progress with
        {
            Step = done.Record.Step,
            StopAgreed = progress.StopAgreed || done.StopVotes > 0,
        };
        trainingMs += done.Record.StepMs;
        unreported.Add(done.Record);
        if (done.ParametersSha256.Length > 0)
            Report(new ParametersHashed(job, progress.Step, done.ParametersSha256));
        if (unreported.Count >= StepsPerReportMax
            || context.NowNs - lastReportNs >= reportInterval.TotalNanoseconds)
            ReportSteps(context);
        Advance(context);
    }

    private void Advance(IActorContext context)
    {
        Invariant.Check(description is not null, "a worker advances within a job");
        WorkDecision decision = WorkDecisions.Next(description.Schedule, progress);
        switch (decision.Action)
        {
            case WorkAction.RunStep run:
                port.RunStep(
                    run.Step, stopWanted, description.Schedule.HashesParametersAt(run.Step));
                break;
            case WorkAction.Evaluate evaluate:
                port.Evaluate(evaluate.Epoch);
                break;
            case WorkAction.SaveCheckpoint save:
                context.Log.Debug($"saving a checkpoint: {decision.Reason}");
                if (rank == 0)
                    checkpointsInFlight++;
                port.SaveCheckpoint(save.Step);
                break;
            case WorkAction.Finish finish:
                context.Log.Info($"finished: {decision.Reason}");
                ReportSteps(context);
                finishing = true;
                stopped = finish.Stopped;
                FinishWhenSaved();
                break;
        }
    }

    private void FinishWhenSaved()
    {
        if (!finishing || checkpointsInFlight > 0)
            return;
        finishing = false;
        port.HashParameters();
    }

    private void ReportSteps(IActorContext context)
    {
        lastReportNs = context.NowNs;
        if (unreported.Count == 0)
            return;
        Report(new StepsCommitted(job, [.. unreported]));
        unreported.Clear();
    }

    private void Report(JobReport report) => coordinator.Tell(report);
}
