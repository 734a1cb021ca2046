using System.Net;
using System.Net.Sockets;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Devices;
using Distributed.Runtime.Security;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.Store;
using Distributed.Runtime.Workers;
using Distributed.Training.Data;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>Workers of two hosts: gradients are frames over gRPC.</summary>
public sealed class RemoteTrainingThreadTests() : TrainingThreadTests(
    "host-a", "host-b", ncclRefusal: "the workers are not all on one machine");

/// <summary>Workers of one host: gradients lie in memory that both have mapped.</summary>
public sealed class LocalTrainingThreadTests() : TrainingThreadTests(
    "host", "host", ncclRefusal: "the gradients of rank 0 are not on a GPU: it computes on cpu")
{
    /// <summary>Something has the name of the file that the second rank is to make.</summary>
    [Fact]
    public async Task WithoutRoomForGradientsAWarningIsGivenAndStepsGoOn()
    {
        string taken = new SegmentName(
            ProcessIdentity.Current!.Value, Job, Generation: 1, FromRank: 1, ToRank: null)
            .PathIn(SharedMemoryHub.DefaultDirectory);
        File.WriteAllText(taken, "");
        try
        {
            await PrepareAsync(First, Second);
            Join(1, 0, First, Second);
            string warning = (await First.NextAsync<TrainingJoined>()).Warning;
            Assert.Contains("--shm-size", warning, StringComparison.Ordinal);
            Assert.Empty((await Second.NextAsync<TrainingJoined>()).Warning);
            await StepAsync(1, First, Second);
        }
        finally
        {
            File.Delete(taken);
        }
    }
}

/// <summary>
/// The training port against its contract, with real gradients between two workers of this process:
/// whoever halts, wherever the others are, nothing is committed twice, half or by one alone.
/// </summary>
public abstract class TrainingThreadTests(
    string firstHost, string secondHost, string ncclRefusal) : IAsyncLifetime
{
    private protected const ulong Job = 7;
    private const int LogicalShards = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("training-tests-").FullName;
    private readonly List<Worker> _workers = [];

    public async Task InitializeAsync()
    {
        TestImages.Write(Path.Combine(_folder, "images"));
        _workers.Add(await Worker.StartAsync("w0", firstHost));
        _workers.Add(await Worker.StartAsync("w1", secondHost));
    }

    public async Task DisposeAsync()
    {
        foreach (Worker worker in _workers)
            await worker.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private protected Worker First => _workers[0];

    private protected Worker Second => _workers[1];

    [Fact]
    public async Task OneThatIsBehindCopiesTheStateAndStepsWithTheOther()
    {
        await PrepareAsync(First, Second);
        await StepAloneAsync(First, steps: 3);
        await HaltAsync(First, 2, step: 3);
        await HaltAsync(Second, 2, step: 0);

        await JoinAsync(generation: 2, startStep: 3, First, Second);
        await StepAsync(4, First, Second);
        await StepAsync(5, First, Second);

        First.Thread.HashParameters();
        Second.Thread.HashParameters();
        Assert.Equal(
            await First.NextAsync<ParametersReady>(), await Second.NextAsync<ParametersReady>());
    }

    [Fact]
    public async Task AllRanksHaveTheWholeEvaluation()
    {
        await PrepareAsync(First, Second);
        await JoinAsync(generation: 1, startStep: 0, First, Second);
        await StepAsync(1, First, Second);
        First.Thread.Evaluate(1);
        Second.Thread.Evaluate(1);
        var first = await First.NextAsync<EvaluationDone>();
        var second = await Second.NextAsync<EvaluationDone>();
        Assert.Equal(
            TestImages.TestSamples, first.TestBatches.Sum(batch => batch.Samples));
        Assert.Equal(first.TestBatches, second.TestBatches);
        Assert.Equal(first.TrainLoss, second.TrainLoss);
    }

    [Fact]
    public async Task AHaltWakesAStepThatWaitsForAPeer()
    {
        await PrepareAsync(First, Second);
        await JoinAsync(generation: 1, startStep: 0, First, Second);
        await StepAsync(1, First, Second);
        First.Thread.RunStep(2, default, hashParameters: false);
        First.Thread.RunStep(3, default, hashParameters: false);
        // What was asked for before the halt and was not committed gives no answer.
        await HaltAsync(First, 2, step: 1);
        await HaltAsync(Second, 2, step: 1);

        await JoinAsync(generation: 2, startStep: 1, Second, First);
        await StepAsync(2, First, Second);
    }

    [Fact]
    public async Task AHaltWakesACopyFromAPeerThatSaysNothing()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await PrepareAsync(First, Second);
        First.Thread.Join(new FormGeneration(
            Job, Generation(1, startStep: 5, $"{silent.LocalEndpoint}", First), 0));
        await HaltAsync(First, 2, step: 0);
        await StepAloneAsync(First, steps: 1, generation: 3);
    }

    [Fact]
    public async Task AStateThatThePeerDoesNotHoldIsThePeersFault()
    {
        await PrepareAsync(First, Second);
        First.Thread.Join(new FormGeneration(
            Job, Generation(1, startStep: 5, Second.Identity.DataAddress, First), 0));
        WorkFailure failure = (await First.NextAsync<TrainingFailed>()).Failure;
        Assert.Equal((Blame.Peer, -1), (failure.Blame, failure.PeerRank));
        await HaltAsync(First, 2, step: 0);
    }

    [Fact]
    public async Task APeerThatIsLostIsNamedByItsRank()
    {
        await PrepareAsync(First, Second);
        await JoinAsync(generation: 1, startStep: 0, First, Second);
        await StepAsync(1, First, Second);
        First.Thread.RunStep(2, default, hashParameters: false);
        Second.Thread.Release("it dies");
        WorkFailure failure = (await First.NextAsync<TrainingFailed>()).Failure;
        Assert.Equal((Blame.Peer, 1), (failure.Blame, failure.PeerRank));
        await HaltAsync(First, 2, step: 1);
    }

    [Fact]
    public async Task ACheckpointIsWrittenThoughAHaltComesAndPreparesAnother()
    {
        await PrepareAsync(First, Second);
        await StepAloneAsync(First, steps: 2);
        First.Thread.SaveCheckpoint(2, write: true, stepKept: 0);
        First.Thread.Halt(2, "test");
        var answers = new List<TrainingAnswer>();
        while (answers.Count < 3)
            answers.Add(await First.NextAsync());
        SnapshotTaken snapshot = Assert.Single(answers.OfType<SnapshotTaken>());
        Assert.Equal((2, 64), (snapshot.Step, snapshot.ParametersSha256.Length));
        Assert.Contains(new TrainingHalted(Job, 2, 2), answers);
        CheckpointDone saved = Assert.Single(answers.OfType<CheckpointDone>());

        Second.Thread.Release("it takes the state from disk");
        Second.Thread.Prepare(Order(2, saved.Path), Second.Probe);
        Assert.Equal(2, (await Second.NextAsync<TrainingPrepared>()).Step);
    }

    /// <summary>The same job may be prepared anew by then and take them for its own.</summary>
    [Fact]
    public async Task WhatWasAskedForBeforeAReleaseIsNotAnsweredAfterIt()
    {
        var later = new AnswerProbe();
        First.Thread.Prepare(Order(0, ""), First.Probe);
        First.Thread.Release("test");
        First.Thread.Prepare(Order(0, ""), later);
        Assert.IsType<TrainingPrepared>(await later.NextAsync());
        First.Probe.Tell("nothing before this");
        Assert.Equal("nothing before this", await First.Probe.NextAsync());
    }

    [Fact]
    public async Task DataThatIsNotThereIsTheJobsFault()
    {
        Directory.Delete(Path.Combine(_folder, "images"), recursive: true);
        First.Thread.Prepare(Order(0, ""), First.Probe);
        WorkFailure failure = (await First.NextAsync<TrainingFailed>()).Failure;
        Assert.Equal(
            (Blame.Job, ExitCodes.BadUsage), (failure.Blame, failure.ExitCode));
    }

    /// <summary>The command itself waits for a peer and says nothing.</summary>
    [Fact]
    public async Task ALostDeviceIsTheWorkersFaultAndToldOnceAlsoWhileACommandHangs()
    {
        await PrepareAsync(First, Second);
        await JoinAsync(generation: 1, startStep: 0, First, Second);
        First.Thread.RunStep(1, default, hashParameters: false);
        First.Thread.Lose("cuda:0 is lost");
        First.Thread.Lose("cuda:0 is lost");
        WorkFailure failure = (await First.NextAsync<TrainingFailed>()).Failure;
        Assert.Equal(
            new WorkFailure(Blame.Worker, ExitCodes.OperatingError, -1, "cuda:0 is lost"), failure);
        First.Thread.Release("test");
        First.Thread.Prepare(Order(0, ""), First.Probe);
        Assert.Equal(0, (await First.NextAsync<TrainingPrepared>()).Step);
    }

    /// <summary>This process computes on its CPU, and a device is chosen once.</summary>
    [Fact]
    public async Task ADeviceThatCannotBeHadIsTheWorkersFault()
    {
        await PrepareAsync(First);
        using var devices = new DeviceChooser(
            new DeviceRequest(DeviceKind.Cuda), 0, () => null, visible: null);
        using var thread = new TrainingThread(
            new DataPlaneHub(RpcSecurity.None), new SharedMemoryHub(), TimeProvider.System,
            devices: devices);
        thread.Prepare(Order(0, ""), Second.Probe);
        WorkFailure failure = (await Second.NextAsync<TrainingFailed>()).Failure;
        Assert.Equal(Blame.Worker, failure.Blame);
        Assert.Contains("expected", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NcclThatCannotBeHadIsRefusedWithTheReason()
    {
        await PrepareAsync("transport: nccl", First, Second);
        Join(1, 0, First, Second);
        WorkFailure failure = (await First.NextAsync<TrainingFailed>()).Failure;
        Assert.Equal((Blame.Job, ExitCodes.OperatingError), (failure.Blame, failure.ExitCode));
        Assert.StartsWith(
            $"transport nccl was asked for, but {ncclRefusal}", failure.Message,
            StringComparison.Ordinal);
    }

    private protected Task PrepareAsync(params Worker[] workers) => PrepareAsync("", workers);

    private async Task PrepareAsync(string more, params Worker[] workers)
    {
        foreach (Worker worker in workers)
            worker.Thread.Prepare(Order(0, "", more), worker.Probe);
        foreach (Worker worker in workers)
            Assert.Equal(0, (await worker.NextAsync<TrainingPrepared>()).Step);
    }

    private static async Task StepAloneAsync(Worker worker, int steps, int generation = 1)
    {
        worker.Thread.Join(new FormGeneration(
            Job, Generation(generation, startStep: 0, "", worker), 0));
        await worker.NextAsync<TrainingJoined>();
        for (int step = 1; step <= steps; step++)
            await StepAsync(step, worker);
    }

    /// <summary>The first of the members is the source of the state.</summary>
    private protected static void Join(int generation, long startStep, params Worker[] members)
    {
        Generation formed = Generation(
            generation, startStep, members[0].Identity.DataAddress, members);
        for (int rank = 0; rank < members.Length; rank++)
            members[rank].Thread.Join(new FormGeneration(Job, formed, rank));
    }

    private static async Task JoinAsync(int generation, long startStep, params Worker[] members)
    {
        Join(generation, startStep, members);
        foreach (Worker member in members)
        {
            Assert.Equal(
                new TrainingJoined(Job, generation, startStep),
                await member.NextAsync<TrainingJoined>());
        }
    }

    private protected static async Task StepAsync(long step, params Worker[] members)
    {
        foreach (Worker member in members)
            member.Thread.RunStep(step, default, hashParameters: true);
        var hashes = new HashSet<string>();
        foreach (Worker member in members)
        {
            var done = await member.NextAsync<StepDone>();
            Assert.Equal(step, done.Record.Step);
            hashes.Add(done.ParametersSha256);
        }

        Assert.Single(hashes);
    }

    private static async Task HaltAsync(Worker worker, int generation, long step)
    {
        worker.Thread.Halt(generation, "the test wants it");
        Assert.Equal(
            new TrainingHalted(Job, generation, step), await worker.NextAsync<TrainingHalted>());
    }

    private static Generation Generation(
        int number, long startStep, string source, params Worker[] members)
    {
        ShardMap map = ShardMap.Even(LogicalShards, members.Length);
        return new Generation(
            Job, number,
            [
                .. members.Select((member, rank) =>
                    new RankAssignment(rank, member.Identity, map.Ranges[rank])),
            ],
            new StartPoint(startStep, 0, 0, source));
    }

    /// <param name="step">Of the checkpoint.</param>
    /// <param name="checkpoint">Empty for none.</param>
    /// <param name="more">A line of the specification.</param>
    private PrepareJob Order(long step, string checkpoint, string more = "") => new(
        Job,
        new JobDescription(
            "test",
            $$"""
            dataset: {name: {{Path.Combine(_folder, "images")}}}
            globalBatch: 32
            logicalShards: {{LogicalShards}}
            tensorboard: scalars
            {{more}}
            model:
              layers: [conv: {filters: 4, kernel: 3}, relu, maxPool: 4, flatten, linear: classes]
            """,
            _folder, 2, 1, LogicalShards, ReductionOrder.Exact, 32,
            TestImages.TrainSamples, 1, new StepSchedule(8, 4, 4, 0), step, checkpoint, "", 0, ""),
        step, checkpoint, Returns: 0);

    private protected sealed class Worker(
        WorkerIdentity identity, DataPlaneServer server, TrainingThread thread) : IAsyncDisposable
    {
        public WorkerIdentity Identity => identity;

        public TrainingThread Thread => thread;

        public AnswerProbe Probe { get; } = new();

        public static async Task<Worker> StartAsync(string name, string host)
        {
            var hub = new DataPlaneHub(RpcSecurity.None);
            DataPlaneServer server = await DataPlaneServer.StartAsync("127.0.0.1:0", hub);
            return new Worker(
                new WorkerIdentity(
                    name, 1, host, Environment.ProcessId, server.Target, []),
                server, new TrainingThread(hub, new SharedMemoryHub(), TimeProvider.System));
        }

        public async Task<TrainingAnswer> NextAsync() =>
            Assert.IsAssignableFrom<TrainingAnswer>(await Probe.NextAsync());

        public Task<T> NextAsync<T>() => Probe.NextAsync<T>();

        public async ValueTask DisposeAsync()
        {
            thread.Dispose();
            await server.DisposeAsync();
        }
    }
}
