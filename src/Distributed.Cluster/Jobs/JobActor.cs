using Distributed.Cluster.Coordination;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>A worker as a job uses it.</summary>
internal sealed record JobWorker(WorkerIdentity Identity, IActorRef Link);

/// <summary>
/// One job on the coordinator: prepares its workers, starts them, gathers what they report, and
/// ends with exactly one RunCompleted, RunInterrupted or RunFailed. Workers step on their own; this
/// actor is not in the loop of a step.
/// </summary>
internal sealed class JobActor(
    ulong job, JobDescription description, IReadOnlyList<JobWorker> workers, IActorRef watcher,
    IRunRecorder recorder) : Actor
{
    private readonly Generation generation = Generation.Even(
        job, 1, description.LogicalShards,
        [.. workers.Select(worker => (worker.Identity.Name, worker.Identity.DataAddress))]);

    private readonly Dictionary<ulong, int> rankOf = [];
    private readonly SortedDictionary<int, JobPrepared> prepared = [];
    private readonly SortedDictionary<int, WorkFinished> finished = [];
    private readonly ParameterConsensus consensus = new();
    private string state = "preparing";
    private long step = description.StartStep;
    private long epochStartedNs;
    private long startedNs;
    private long checkpointStep = description.StartStep;
    private EpochTally? tally;
    private EpochCompleted? lastEpoch;
    private RunEvent? outcome;
    private bool recording;
    private bool stopRequested;

    private int RankCount => generation.Ranks.Count;

    protected override void PreStart(IActorContext context)
    {
        for (int index = 0; index < workers.Count; index++)
        {
            JobWorker worker = workers[index];
            int rank = index < RankCount ? index : -1;
            rankOf.Add(worker.Identity.Incarnation, rank);
            if (rank >= 0)
                worker.Link.Tell(new PrepareJob(job, description, generation, rank));
            else
                TellWorkerUp(worker, rank, device: "");
        }

        if (workers.Count > RankCount)
        {
            watcher.Tell(new Notice(
                $"{description.LogicalShards} logical shards occupy {RankCount} workers; "
                + $"{workers.Count - RankCount} more are hot spares (raise --logical-shards to "
                + "use them)"));
        }
    }

    protected override void Receive(object message, IActorContext context)
    {
        switch (message)
        {
            case ReportReceived received
                when rankOf.TryGetValue(received.Incarnation, out int rank):
                OnReport(rank, received.Report, context);
                break;
            case RecordingBegun:
                Start(context);
                break;
            case RecordingEnded:
                End(context);
                break;
            case RecordingFailed failed:
                recording = false;
                Fail(ExitCodes.OperatingError, failed.Message, context);
                break;
            case StopJob stop:
                OnStop(stop, context);
                break;
            case WorkerDisconnected gone when rankOf.TryGetValue(gone.Incarnation, out int rank):
                OnWorkerLost(rank, gone, context);
                break;
            case GetStatus:
                context.Reply(new JobStatus(
                    job, description.Name, state, step, description.Schedule.StepsTotal));
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void OnReport(int rank, JobReport report, IActorContext context)
    {
        if (outcome is not null)
            return;
        switch (report)
        {
            case JobPrepared ready:
                OnPrepared(rank, ready, context);
                break;
            case StepsCommitted committed:
                OnSteps(rank, committed);
                break;
            case EpochShare share:
                OnEpochShare(rank, share, context);
                break;
            case ParametersHashed hashed:
                CheckConsensus(rank, hashed.Step, hashed.Sha256, context);
                break;
            case CheckpointWritten written:
                checkpointStep = written.Step;
                watcher.Tell(new CheckpointSaved(written.Step, written.Path));
                break;
            case WorkFinished work:
                OnFinished(rank, work, context);
                break;
            case WorkFailed failed:
                OnFailed(rank, failed, context);
                break;
        }
    }

    private void OnPrepared(int rank, JobPrepared ready, IActorContext context)
    {
        Invariant.Check(ready.Step == step, "every worker starts from the job's step");
        prepared.Add(rank, ready);
        TellWorkerUp(workers[rank], rank, ready.Device);
        if (prepared.Count < RankCount)
            return;
        string? mismatch = Numerics.Mismatch(
            description.Numerics, [.. prepared.Values.Select(value => value.Numerics)],
            [.. generation.Ranks.Select(assignment => assignment.Worker)]);
        if (mismatch is not null)
        {
            Fail(ExitCodes.OperatingError, mismatch, context);
            return;
        }

        recording = true;
        recorder.Begin(description, prepared[0].Numerics, context.Self);
    }

    private void Start(IActorContext context)
    {
        if (outcome is not null)
            return;
        state = "running";
        startedNs = epochStartedNs = context.NowNs;
        string reason = description.StartStep == 0
            ? $"{RankCount} workers are ready"
            : $"{RankCount} workers are ready and hold the checkpoint of step {step}";
        watcher.Tell(new GenerationStarted(
            generation.Number, step, [.. generation.Ranks.Select(rank => rank.Worker)], reason));
        TellRanks(new StartJob(job));
        if (stopRequested)
            TellRanks(new StopWork(job, "a stop was requested before the first step"));
    }

    private void OnSteps(int rank, StepsCommitted committed)
    {
        recorder.Steps(rank, committed.Steps);
        if (rank != 0 || committed.Steps.Count == 0)
            return;
        StepRecord last = committed.Steps[^1];
        step = last.Step;
        double seconds = committed.Steps.Sum(record => record.StepMs) / 1e3;
        long samples = committed.Steps.Sum(record => (long)record.Samples);
        StepSchedule schedule = description.Schedule;
        watcher.Tell(new StepCommitted(
            step, schedule.StepsTotal, schedule.EpochOf(step), schedule.EpochsTotal, last.Loss,
            seconds > 0 ? samples / seconds : 0));
    }

    private void OnEpochShare(int rank, EpochShare share, IActorContext context)
    {
        tally ??= new EpochTally(share.Epoch, RankCount, description.TestBatches);
        tally.Add(rank, share);
        if (!tally.IsComplete)
            return;
        (double loss, double accuracy) = tally.Total();
        tally = null;
        lastEpoch = new EpochCompleted(
            share.Epoch, share.Step, share.TrainLoss, share.TrainAccuracy, loss, accuracy,
            Seconds(context.NowNs - epochStartedNs));
        epochStartedNs = context.NowNs;
        recorder.Epoch(lastEpoch);
        watcher.Tell(lastEpoch);
    }

    private void OnFinished(int rank, WorkFinished work, IActorContext context)
    {
        finished.Add(rank, work);
        if (!CheckConsensus(rank, work.Step, work.ParametersSha256, context))
            return;
        if (finished.Count < RankCount)
            return;
        step = work.Step;
        outcome = work.Stopped
            ? new RunInterrupted(step, description.RunFolder)
            : Summary(finished[0], context);
        state = "finishing";
        recorder.End(outcome as RunCompleted);
    }

    private RunCompleted Summary(WorkFinished work, IActorContext context)
    {
        StepSchedule schedule = description.Schedule;
        long samples = SamplesIn(work.Step, schedule) - SamplesIn(description.StartStep, schedule);
        return new RunCompleted(
            work.Step, SamplesIn(work.Step, schedule), lastEpoch?.TestAccuracy ?? double.NaN,
            lastEpoch?.TestLoss ?? double.NaN, work.ParametersSha256,
            work.TrainingSeconds > 0 ? samples / work.TrainingSeconds : 0, generation.Number,
            description.StepsRedone, StepsLost: schedule.StepsTotal - work.Step,
            Seconds(context.NowNs - startedNs), description.RunFolder);
    }

    private long SamplesIn(long steps, StepSchedule schedule)
    {
        long epochs = steps / schedule.StepsPerEpoch;
        long rest = steps % schedule.StepsPerEpoch * description.GlobalBatch;
        return epochs * description.TrainSamples + Math.Min(rest, description.TrainSamples);
    }

    private bool CheckConsensus(int rank, long atStep, string sha256, IActorContext context)
    {
        string worker = generation.Ranks[rank].Worker;
        string? disagreement = consensus.Add(atStep, rank, worker, sha256, RankCount);
        if (disagreement is not null)
            Fail(ExitCodes.NumericsDiverged, disagreement, context);
        return disagreement is null;
    }

    private void OnStop(StopJob stop, IActorContext context)
    {
        context.Reply(new StopJobReply(true));
        stopRequested = true;
        if (state == "running")
        {
            state = "stopping";
            TellRanks(new StopWork(job, stop.Reason));
        }
    }

    private void OnFailed(int rank, WorkFailed failed, IActorContext context)
    {
        string worker = generation.Ranks[rank].Worker;
        if (failed.PeerRank >= 0)
        {
            RankAssignment peer = generation.Ranks[failed.PeerRank];
            string lost = $"worker {peer.Worker} ({peer.DataAddress}) was lost at step "
                + $"{failed.Step}: {worker} reports: {failed.Message}";
            Fail(ExitCodes.OperatingError, lost + ResumeHint(), context);
            return;
        }

        Fail(failed.ExitCode, $"worker {worker}: {failed.Message}", context);
    }

    private void OnWorkerLost(int rank, WorkerDisconnected gone, IActorContext context)
    {
        if (outcome is not null)
            return;
        WorkerIdentity identity = workers.First(
            worker => worker.Identity.Incarnation == gone.Incarnation).Identity;
        if (rank < 0)
        {
            watcher.Tell(new Notice($"hot spare {identity.Name} left: {gone.Reason}"));
            return;
        }

        string lost = $"worker {identity.Name} (process {identity.ProcessId}, "
            + $"{identity.DataAddress}) was lost near step {step}: {gone.Reason}";
        Fail(ExitCodes.OperatingError, lost + ResumeHint(), context);
    }

    private string ResumeHint() => checkpointStep > 0
        ? $"; the checkpoint of step {checkpointStep} is safe, --resume --out "
            + $"{description.RunFolder} goes on from it"
        : $"; no checkpoint was saved yet, --resume --out {description.RunFolder} starts it again";

    private void Fail(int exitCode, string message, IActorContext context)
    {
        if (outcome is not null)
            return;
        outcome = new RunFailed(exitCode, message);
        state = "failing";
        if (recording)
            recorder.End(null);
        else
            End(context);
    }

    private void End(IActorContext context)
    {
        Invariant.Check(outcome is not null, "a job ends with an outcome");
        foreach (JobWorker worker in workers)
            worker.Link.Tell(new ReleaseJob(job, "the job has ended"));
        watcher.Tell(outcome);
        context.Parent?.Tell(new JobEnded(job));
        context.Stop(context.Self);
    }

    private void TellWorkerUp(JobWorker worker, int rank, string device) =>
        watcher.Tell(new WorkerUp(
            worker.Identity.Name, worker.Identity.ProcessId, worker.Identity.DataAddress, rank,
            device));

    private void TellRanks(JobOrder order)
    {
        for (int rank = 0; rank < RankCount; rank++)
            workers[rank].Link.Tell(order);
    }

    private static double Seconds(long nanoseconds) => nanoseconds / 1e9;
}
