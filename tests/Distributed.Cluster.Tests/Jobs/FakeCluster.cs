using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Kernel.Tests.Actors;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// Coordinators and workers on one virtual clock: the production actors over ports that compute on
/// integers and answer at once. Ranks step together, as their all-reduce would make them.
/// </summary>
internal sealed class FakeCluster
{
    public const ulong JobNumber = 0xfeed;

    public static readonly TimeSpan WorkersDeadline = TimeSpan.FromSeconds(30);

    private readonly TestEnvironment environment = new();
    private readonly FakeNetwork network = new();
    private readonly Watcher watcher = new();
    private readonly Dictionary<string, FakeStore.Session> sessions = [];
    private readonly List<string> seeds;

    private readonly Func<FakeStore, ITrialPort> createTrials;

    public FakeCluster(int coordinators = 1, Func<FakeStore, ITrialPort>? createTrials = null)
    {
        Recorder = new FakeRecorder();
        this.createTrials = createTrials ?? (_ => null!);
        seeds = [.. Enumerable.Range(0, coordinators).Select(index => $"c{index}:1")];
        foreach (string address in seeds)
            StartCoordinator(address);
    }

    public FakeStore Store { get; } = new();

    public FakeRecorder Recorder { get; }

    public List<FakeTraining> Trainings { get; } = [];

    public IReadOnlyList<RunEvent> Events => watcher.Events;

    public RunEvent Outcome => Assert.Single(
        Events, happened => happened is RunCompleted or RunInterrupted or RunFailed);

    public IEnumerable<GenerationStarted> Generations => Events.OfType<GenerationStarted>();

    public string Leader => Store.Lease.Holder!.Address;

    public static JobDescription Job(
        int workers = 2, long steps = 10, long stepsPerEpoch = 4, long checkpointEvery = 4,
        long start = 0, int shards = 4, string numerics = "", int minWorkers = 1) =>
        new(
            "job", "spec", "/runs/job", workers, minWorkers, shards, ReductionOrder.Exact,
            GlobalBatch: 64, TrainSamples: (64 * stepsPerEpoch) - 10, TestBatches: 5,
            new StepSchedule(steps, stepsPerEpoch, checkpointEvery, ParameterHashEverySteps: 3),
            start, start > 0 ? "/runs/job/checkpoints/x" : "", numerics, 0, "commit");

    public void StartCoordinator(string address)
    {
        var identity = new CoordinatorIdentity(
            address, (ulong)(1000 + network.CoordinatorsStarted), "host", 1, address);
        FakeStore.Session session = sessions[address] = Store.Connect();
        network.Start(address, environment.System.Spawn(
            $"coordinator-{network.CoordinatorsStarted}",
            () => new CoordinatorActor(
                identity, session, () => Recorder.Open(), createTrials(Store),
                new CoordinatorSettings { WorkersDeadline = WorkersDeadline })));
    }

    /// <summary>Without a word: its actors are gone and its streams break.</summary>
    public void KillCoordinator(string address)
    {
        sessions[address].IsCut = true;
        environment.System.Stop(network.CoordinatorAt(address)!);
        network.Kill(address);
        Recorder.CrashAll();
    }

    public FakeTraining AddWorker(string name)
    {
        var training = new FakeTraining(name, Trainings, (ulong)Trainings.Count + 1);
        Trainings.Add(training);
        var identity = new WorkerIdentity(
            name, training.Incarnation, "host", 100 + Trainings.Count, $"{name}:1", []);
        training.Worker = environment.System.Spawn(
            $"worker-{training.Incarnation}",
            () => new WorkerActor(
                identity, seeds, network, training, new WorkerTiming(), training.Host));
        return training;
    }

    public void Kill(FakeTraining training, string reason = "its connection broke")
    {
        training.IsDead = true;
        network.Break(training.Worker!, reason);
        environment.System.Stop(training.Worker!);
        foreach (FakeTraining other in Trainings)
            other.LosePeer(training);
    }

    /// <summary>As SIGSTOP does: nothing is heard of it, and nothing breaks.</summary>
    public void Freeze(FakeTraining training)
    {
        training.IsFrozen = true;
        network.Freeze(training.Worker!);
    }

    public void Thaw(FakeTraining training)
    {
        training.IsFrozen = false;
        network.Thaw(training.Worker!);
    }

    public void Submit(JobDescription job) => Leading.Tell(
        new SubmitJob(JobNumber, job, watcher));

    public void Watch(int epochsSeen, int returnsSeen = 0) => Leading.Tell(
        new WatchJob(JobNumber, epochsSeen, returnsSeen, watcher));

    public void Stop()
    {
        environment.Settle();
        Leading.Tell(new StopJob(JobNumber, "the test asked for it"), new Watcher());
    }

    /// <summary>Gives an order and runs for a little while; null where it is not answered in that
    /// time.</summary>
    public object? Order(ClusterOrder order)
    {
        environment.Settle();
        var asker = new Asker();
        Leading.Tell(order, asker);
        Run(0.05);
        return asker.Answer;
    }

    /// <summary>What the coordinator that leads says of its cluster.</summary>
    public ClusterStatus Status()
    {
        var asker = new Asker();
        Leading.Tell(new GetStatus(), asker);
        environment.Settle();
        return (ClusterStatus)asker.Answer!;
    }

    /// <summary>Tells of what its actors publish from now on.</summary>
    public void Observe(IActorRef observer, Type published) =>
        environment.System.Events.Subscribe(observer, published);

    /// <summary>Something for the coordinator that leads.</summary>
    public void Tell(object message, IActorRef? sender = null) => Leading.Tell(message, sender);

    public void Run(double seconds = 1) => environment.Advance(seconds);

    /// <summary>Runs until every live rank has asked for a step beyond the given one.</summary>
    public void RunPast(long step)
    {
        HoldAt(step + 1);
        Run();
    }

    public void LetGo()
    {
        HoldAt(long.MaxValue);
        Run();
    }

    private void HoldAt(long step)
    {
        foreach (FakeTraining training in Trainings)
            training.HoldAt = step;
        foreach (FakeTraining training in Trainings)
            training.TryCommit();
    }

    private IActorRef Leading
    {
        get
        {
            if (Store.Lease.Holder is null)
                Run(0.1);
            return network.CoordinatorAt(Leader)!;
        }
    }

    private sealed class Asker : IActorRef
    {
        public object? Answer { get; private set; }

        public string Path => "/asker";

        public void Tell(object message, IActorRef? sender = null)
        {
            Assert.Null(Answer);
            Answer = message;
        }
    }

    private sealed class Watcher : IActorRef
    {
        public List<RunEvent> Events { get; } = [];

        public string Path => "/watcher";

        public void Tell(object message, IActorRef? sender = null)
        {
            if (message is RunEvent happened)
                Events.Add(happened);
        }
    }
}

/// <summary>
/// A device that needs no time: its parameters are the sum of the steps it has done.
/// </summary>
internal sealed class FakeTraining(string name, List<FakeTraining> all, ulong incarnation)
    : ITrainingPort
{
    private IActorRef? answerTo;
    private PrepareJob? order;
    private (long Step, StepVotes Votes, bool Hash)? asked;
    private long parameters;
    private long corruption;
    private long step;

    public string Name => name;

    public ulong Incarnation => incarnation;

    public IActorRef? Worker { get; set; }

    public FakeHost Host { get; } = new();

    public bool IsDead { get; set; }

    public bool IsFrozen { get; set; }

    public string Numerics { get; set; } = "library=1; threads=1";

    public WorkFailure? FailureAtNextStep { get; set; }

    public WorkFailure? FailureAtPrepare { get; set; }

    public string? CheckpointFailure { get; set; }

    public long HoldAt { get; set; } = long.MaxValue;

    public bool IgnoresHalt { get; set; }

    public string HashSuffix { get; set; } = "";

    /// <summary>What the last hash of a job says differs.</summary>
    public string ResultSuffix { get; set; } = "";

    /// <summary>What it shows of a run's end.</summary>
    public IReadOnlyList<RunAttachment> Shown { get; set; } = [];

    public List<long> Saved { get; } = [];

    public int Preparations { get; private set; }

    public bool IsReleased { get; private set; }

    public Generation? Generation { get; private set; }

    public int Rank { get; private set; } = -1;

    public long Step => step;

    /// <summary>How often the state was copied from another worker.</summary>
    public int Copies { get; private set; }

    private ulong Job => order!.Job;

    public void Prepare(PrepareJob job, IActorRef worker)
    {
        order = job;
        answerTo = worker;
        step = job.Step;
        parameters = job.Step * (job.Step + 1) / 2;
        corruption = 0;
        Preparations++;
        if (FailureAtPrepare is { } failure)
            Answer(new TrainingFailed(Job, failure));
        else
            Answer(new TrainingPrepared(Job, step, Numerics, "cpu"));
    }

    public void Join(FormGeneration form)
    {
        Generation = form.Generation;
        Rank = form.Rank;
        StartPoint start = form.Generation.Start;
        if (start.Step != step)
        {
            FakeTraining? source = all.LastOrDefault(
                other => $"{other.Name}:1" == start.SourceAddress);
            if (source is null || source.IsDead || source.step != start.Step)
            {
                Answer(new TrainingFailed(
                    Job, new WorkFailure(Blame.Peer, 1, -1, "the source is gone")));
                return;
            }

            (step, parameters) = (source.step, source.parameters);
            corruption = source.corruption;
            Copies++;
        }

        Answer(new TrainingJoined(Job, form.Generation.Number, step));
    }

    public void RunStep(long next, StepVotes votes, bool hashParameters)
    {
        asked = (next, votes, hashParameters);
        if (FailureAtNextStep is { } failure)
            Answer(new TrainingFailed(Job, failure));
        else
            TryCommit();
    }

    public void Evaluate(int epoch) => Answer(new EvaluationDone(
        Job, epoch, 0.25, 0.75,
        [
            .. Enumerable.Range(0, order!.Description.TestBatches).Select(
                batch => new TestBatchResult(batch, batch * 0.5, batch, 10)),
        ]));

    /// <summary>Its memory changes: from now on it sends the others wrong sums too.</summary>
    public void Corrupt()
    {
        corruption += 1000;
        parameters += 1000;
    }

    public void SaveCheckpoint(long saved, bool write, long stepKept)
    {
        Assert.Equal(step, saved);
        Answer(new SnapshotTaken(Job, saved, Hash));
        if (!write)
            return;
        if (CheckpointFailure is { } failure)
        {
            Answer(new TrainingFailed(Job, new WorkFailure(Blame.Job, 1, -1, failure)));
            return;
        }

        Saved.Add(saved);
        Answer(new CheckpointDone(Job, saved, $"/checkpoints/{saved}"));
    }

    public void HashParameters()
    {
        foreach (RunAttachment shown in Shown)
            Answer(new AttachmentReady(Job, Generation!.Number, shown));
        Answer(new ParametersReady(Job, Hash + ResultSuffix));
    }

    public void Halt(int generation, string reason)
    {
        asked = null;
        Generation = null;
        Rank = -1;
        if (!IgnoresHalt)
            Answer(new TrainingHalted(Job, generation, step));
    }

    public void Release(string reason)
    {
        IsReleased = true;
        asked = null;
        Generation = null;
    }

    /// <summary>Commits once every rank of the generation has asked for the same step.</summary>
    public void TryCommit()
    {
        if (Generation is null || asked is null || asked.Value.Step >= HoldAt)
            return;
        List<FakeTraining> ranks = Ranks();
        if (ranks.Count == Generation.Ranks.Count)
            Commit(ranks, ranks);
    }

    /// <summary>
    /// The step in flight is committed by some ranks only, as when its last frames reach only some.
    /// </summary>
    public void CommitAt(params FakeTraining[] chosen) => Commit(Ranks(), chosen);

    public void LosePeer(FakeTraining peer)
    {
        int rank = Generation?.RankOf(peer.Incarnation) ?? -1;
        if (rank < 0 || IsDead || asked is null)
            return;
        asked = null;
        Answer(new TrainingFailed(
            Job, new WorkFailure(Blame.Peer, 1, rank, $"lost {peer.Name}")));
    }

    private List<FakeTraining> Ranks() =>
    [
        .. all.Where(other => other.asked is not null && !other.IsDead && !other.IsFrozen
            && other.Job == Job && other.Generation?.Number == Generation!.Number),
    ];

    private void Commit(List<FakeTraining> ranks, IReadOnlyList<FakeTraining> chosen)
    {
        Assert.Single(ranks.Select(rank => rank.asked!.Value.Step).Distinct());
        int stops = ranks.Count(rank => rank.asked!.Value.Votes.Stop);
        int yields = ranks.Count(rank => rank.asked!.Value.Votes.Yield);
        int saves = ranks.Count(rank => rank.asked!.Value.Votes.Save);
        long wrong = ranks.Sum(rank => rank.corruption);
        foreach (FakeTraining rank in ranks.Where(chosen.Contains))
        {
            (long next, StepVotes _, bool hash) = rank.asked!.Value;
            rank.asked = null;
            rank.step = next;
            rank.parameters += next + wrong;
            rank.Answer(new StepDone(
                Job, new StepRecord(next, 1.0 / next, 32, 64, 0.1, 1, 1, 0, 2), stops, yields,
                hash ? rank.Hash : "", saves));
        }
    }

    private string Hash => $"{parameters}{HashSuffix}";

    private void Answer(TrainingAnswer answer) => answerTo!.Tell(answer);
}

/// <summary>What a worker's process hears of it.</summary>
internal sealed class FakeHost : IActorRef
{
    public List<object> Heard { get; } = [];

    public string Path => "/host";

    public void Tell(object message, IActorRef? sender = null) => Heard.Add(message);
}
