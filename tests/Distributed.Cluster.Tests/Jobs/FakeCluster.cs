using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Kernel.Tests.Actors;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// A coordinator and workers on one virtual clock: the production actors over ports that compute
/// on integers. Ranks step together, as their all-reduce would make them.
/// </summary>
internal sealed class FakeCluster
{
    public static readonly TimeSpan WorkersDeadline = TimeSpan.FromSeconds(30);

    private readonly TestEnvironment environment = new();
    private readonly IActorRef coordinator;
    private readonly Watcher watcher = new();

    public FakeCluster()
    {
        coordinator = environment.System.Spawn(
            "coordinator", () => new CoordinatorActor(() => Recorder, WorkersDeadline));
    }

    public FakeRecorder Recorder { get; } = new();

    public List<FakeTraining> Trainings { get; } = [];

    public IReadOnlyList<RunEvent> Events => watcher.Events;

    public RunEvent Outcome => Assert.Single(
        Events, happened => happened is RunCompleted or RunInterrupted or RunFailed);

    public static JobDescription Job(
        int workers = 2, long steps = 10, long stepsPerEpoch = 4, long checkpointEvery = 4,
        long start = 0, int shards = 4, string numerics = "") =>
        new(
            "job", "spec", "/runs/job", workers, shards, ReductionOrder.Exact, GlobalBatch: 64,
            TrainSamples: (64 * stepsPerEpoch) - 10, TestBatches: 5,
            new StepSchedule(steps, stepsPerEpoch, checkpointEvery, ParameterHashEverySteps: 3),
            start, start > 0 ? "/runs/job/checkpoints/x" : "", numerics, 0, "commit");

    public FakeTraining AddWorker(string name)
    {
        var training = new FakeTraining(name, Trainings);
        Trainings.Add(training);
        ulong incarnation = (ulong)Trainings.Count;
        var reports = new Relay(report => coordinator.Tell(
            new ReportReceived(incarnation, (JobReport)report)));
        IActorRef worker = environment.System.Spawn(
            $"worker-{incarnation}",
            () => new WorkerActor(reports, training, TimeSpan.FromMilliseconds(250)));
        coordinator.Tell(new WorkerConnected(
            new WorkerIdentity(name, incarnation, 100 + Trainings.Count, $"{name}:1"), worker));
        return training;
    }

    public void Disconnect(FakeTraining training, string reason)
    {
        training.IsDead = true;
        coordinator.Tell(new WorkerDisconnected((ulong)Trainings.IndexOf(training) + 1, reason));
    }

    public void Submit(JobDescription job) => coordinator.Tell(new SubmitJob(job, watcher));

    public void Stop()
    {
        environment.Settle();
        coordinator.Tell(
            new StopJob(Events.OfType<JobAccepted>().Single().Job, "the test asked for it"));
    }

    public void Run(double seconds = 1) => environment.Advance(seconds);

    /// <summary>Runs until every live rank has asked for a step beyond the given one.</summary>
    public void RunPast(long step)
    {
        foreach (FakeTraining training in Trainings)
            training.HoldAt = step + 1;
        Run();
    }

    public void LetGo()
    {
        foreach (FakeTraining training in Trainings)
            training.HoldAt = long.MaxValue;
        Trainings[0].TryCommit();
        Run();
    }

    private sealed class Watcher : IActorRef
    {
        public List<RunEvent> Events { get; } = [];

        public string Path => "/watcher";

        public void Tell(object message, IActorRef? sender = null) => Events.Add((RunEvent)message);
    }

    private sealed class Relay(Action<object> deliver) : IActorRef
    {
        public string Path => "/relay";

        public void Tell(object message, IActorRef? sender = null) => deliver(message);
    }
}

/// <summary>
/// A device that needs no time: its parameters are the sum of the steps it has done.
/// </summary>
internal sealed class FakeTraining(string name, List<FakeTraining> all) : ITrainingPort
{
    private IActorRef? worker;
    private PrepareJob? order;
    private (long Step, bool Vote, bool Hash)? asked;
    private long parameters;

    public string Name => name;

    public bool IsDead { get; set; }

    public string Numerics { get; set; } = "library=1; threads=1";

    public TrainingFailed? FailureAtNextStep { get; set; }

    public string? CheckpointFailure { get; set; }

    public long HoldAt { get; set; } = long.MaxValue;

    public string HashSuffix { get; set; } = "";

    public List<long> Saved { get; } = [];

    public bool IsReleased { get; private set; }

    public int Rank => order?.Rank ?? -1;

    private ulong Job => order!.Job;

    public void Prepare(PrepareJob job, IActorRef answerTo)
    {
        order = job;
        worker = answerTo;
        Answer(new TrainingPrepared(Job, job.Description.StartStep, Numerics, "cpu"));
    }

    public void RunStep(long step, bool voteToStop, bool hashParameters)
    {
        asked = (step, voteToStop, hashParameters);
        if (FailureAtNextStep is { } failure)
            Answer(failure with { Job = Job });
        else
            TryCommit();
    }

    public void Evaluate(int epoch)
    {
        int ranks = order!.Generation.Ranks.Count;
        int batches = order.Description.TestBatches;
        var results = new List<TestBatchResult>();
        for (int batch = batches * Rank / ranks; batch < batches * (Rank + 1) / ranks; batch++)
            results.Add(new TestBatchResult(batch, batch * 0.5, batch, 10));
        Answer(new EvaluationDone(Job, epoch, 0.25, 0.75, results));
    }

    public void SaveCheckpoint(long step)
    {
        Answer(new SnapshotTaken(Job, step));
        if (Rank != 0)
            return;
        if (CheckpointFailure is { } failure)
        {
            Answer(new TrainingFailed(Job, ExitCodes.OperatingError, -1, failure));
            return;
        }

        Saved.Add(step);
        Answer(new CheckpointDone(Job, step, $"/checkpoints/{step}"));
    }

    public void HashParameters() => Answer(new ParametersReady(Job, Hash));

    public void Release(string reason) => IsReleased = true;

    /// <summary>Commits once every rank of the generation has asked for the same step.</summary>
    public void TryCommit()
    {
        List<FakeTraining> ranks =
            [.. all.Where(other => other.order is not null && other.Rank >= 0)];
        bool together = ranks.Count == order!.Generation.Ranks.Count
            && ranks.All(rank => !rank.IsDead && rank.asked is not null);
        if (!together || asked!.Value.Step >= HoldAt)
            return;
        Assert.Single(ranks.Select(rank => rank.asked!.Value.Step).Distinct());
        int votes = ranks.Count(rank => rank.asked!.Value.Vote);
        var committed = ranks.Select(rank => (Rank: rank, rank.asked!.Value)).ToList();
        foreach ((FakeTraining rank, (long step, bool _, bool hash)) in committed)
        {
            rank.asked = null;
            rank.parameters += step;
            rank.Answer(new StepDone(
                Job, new StepRecord(step, 1.0 / step, 32, 64, 0.1, 1, 1, 0, 2), votes,
                hash ? rank.Hash : ""));
        }
    }

    private string Hash => $"{parameters}{HashSuffix}";

    private void Answer(TrainingAnswer answer) => worker!.Tell(answer);
}

/// <summary>Keeps what a run folder would hold.</summary>
internal sealed class FakeRecorder : IRunRecorder
{
    private IActorRef? job;

    public List<(int Rank, long Step)> StepsSeen { get; } = [];

    public List<int> EpochsSeen { get; } = [];

    public bool Ended { get; private set; }

    public string? FailureOnBegin { get; set; }

    public void Begin(JobDescription description, string numerics, IActorRef answerTo)
    {
        job = answerTo;
        job.Tell(FailureOnBegin is null
            ? new RecordingBegun()
            : new RecordingFailed(FailureOnBegin));
    }

    public void Steps(int rank, IReadOnlyList<StepRecord> steps) =>
        StepsSeen.AddRange(steps.Select(step => (rank, step.Step)));

    public void Epoch(EpochCompleted epoch) => EpochsSeen.Add(epoch.Epoch);

    public void End(RunCompleted? summary)
    {
        Assert.False(Ended, "a recording ends once");
        Ended = true;
        job!.Tell(new RecordingEnded());
    }
}
