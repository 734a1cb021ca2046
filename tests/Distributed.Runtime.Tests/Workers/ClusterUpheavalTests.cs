using System.Threading.Channels;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Security;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.Coordination;
using Distributed.Runtime.Tests.Store;
using Distributed.Runtime.Workers;
using Distributed.Training.Data;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>
/// A whole cluster in this process, over real connections: workers and coordinators go and come
/// while a job trains, and its parameters are those of a run that nothing happened to.
/// </summary>
public sealed class ClusterUpheavalTests : IDisposable
{
    private const int LogicalShards = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ITestOutputHelper _output;
    private readonly string _folder = Directory.CreateTempSubdirectory("cluster-tests-").FullName;
    private readonly Channel<RunEvent> _events = Channel.CreateUnbounded<RunEvent>();
    private readonly List<RunEvent> _seen = [];

    public ClusterUpheavalTests(ITestOutputHelper output)
    {
        _output = output;
        TestImages.Write(Path.Combine(_folder, "images"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task WorkersAndCoordinatorsComeAndGoWithoutAChangeOfBits()
    {
        CoordinatorNode first = await CoordinatorAsync();
        using var client = new CoordinatorClient(RpcSecurity.None, first.Address);
        await client.StatusAsync(CancellationToken.None);
        await using CoordinatorNode second = await CoordinatorAsync();
        string[] seeds = [first.Address, second.Address];
        await using RunningWorker stays = await RunningWorker.StartAsync("w0", seeds);
        await using RunningWorker leaves = await RunningWorker.StartAsync("w1", seeds);
        using var watcher = new CoordinatorClient(RpcSecurity.None, seeds);
        Task watch = WatchAsync(watcher);

        ulong job = (await UntilAsync<JobAccepted>()).Job;
        await UntilAsync<StepCommitted>();
        await leaves.LeaveAsync();
        GenerationStarted alone = await UntilAsync<GenerationStarted>();
        Assert.Equal(["w0"], alone.Workers);
        await UntilAsync<StepCommitted>(step => step.Step > alone.Step);

        await using RunningWorker comes = await RunningWorker.StartAsync("w2", seeds);
        GenerationStarted joined = await UntilAsync<GenerationStarted>();
        Assert.Equal(["w0", "w2"], joined.Workers);
        StepCommitted before = await UntilAsync<StepCommitted>(step => step.Step > joined.Step);

        await first.DisposeAsync();
        await UntilAsync<StepCommitted>(step => step.Step > before.Step);
        Assert.Equal(2, (await watcher.StatusAsync(CancellationToken.None)).Term);

        Assert.True(await watcher.StopAsync(job, "the test has seen enough", default));
        RunInterrupted end = await UntilAsync<RunInterrupted>();
        await watch;
        Assert.Single(_seen.OfType<JobAccepted>());
        int[] epochs = [.. _seen.OfType<EpochCompleted>().Select(epoch => epoch.Epoch)];
        Assert.Equal(Enumerable.Range(1, epochs.Length), epochs);
        AssertHasTheBitsOfAnUndisturbedRun(end.Step);
    }

    private async Task WatchAsync(CoordinatorClient client)
    {
        await foreach (RunEvent happened in client.RunAsync(
            BegunRun.Of(Description()), Patience, CancellationToken.None))
        {
            _seen.Add(happened);
            _events.Writer.TryWrite(happened);
        }
    }

    private async Task<T> UntilAsync<T>(Func<T, bool>? isIt = null)
        where T : RunEvent
    {
        while (true)
        {
            RunEvent happened = await _events.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            _output.WriteLine($"{happened}");
            if (happened is T wanted && isIt?.Invoke(wanted) != false)
                return wanted;
        }
    }

    private void AssertHasTheBitsOfAnUndisturbedRun(long step)
    {
        string saved = Path.Combine(_folder, "checkpoints", $"step-{step:D8}");
        var probe = new AnswerProbe();
        using var training = new TrainingThread(
            new DataPlaneHub(RpcSecurity.None), new SharedMemoryHub(), TimeProvider.System);
        training.Prepare(new PrepareJob(1, Description(), step, saved, Returns: 0), probe);
        training.HashParameters();
        string disturbed = Answer<ParametersReady>(probe).Sha256;

        training.Prepare(new PrepareJob(2, Description(), 0, "", Returns: 0), probe);
        var worker = new WorkerIdentity("alone", 1, "", 1, "", []);
        training.Join(new FormGeneration(
            2,
            new Generation(
                2, 1, [new RankAssignment(0, worker, new ShardRange(0, LogicalShards))],
                new StartPoint(0, 0, 0, "")),
            0));
        for (long next = 1; next <= step; next++)
            training.RunStep(next, default, hashParameters: false);
        training.HashParameters();
        Assert.Equal(disturbed, Answer<ParametersReady>(probe).Sha256);
    }

    /// <summary>The next answer of that kind; others are passed over, but no failure.</summary>
    private static T Answer<T>(AnswerProbe probe)
    {
        while (true)
        {
            object answer = probe.NextAsync().GetAwaiter().GetResult();
            Assert.IsNotType<TrainingFailed>(answer);
            if (answer is T wanted)
                return wanted;
        }
    }

    private JobDescription Description() => new(
        "test",
        $$"""
        dataset: {name: {{Path.Combine(_folder, "images")}}}
        globalBatch: 32
        logicalShards: {{LogicalShards}}
        steps: 1000000
        schedule: constant
        transport: grpc
        model:
          layers: [conv: {filters: 4, kernel: 3}, batchNorm, relu, maxPool: 4, flatten,
            dropout: 0.2, linear: classes]
        """,
        _folder, 2, 1, LogicalShards, ReductionOrder.Exact, 32, TestImages.TrainSamples, 1,
        new StepSchedule(1_000_000, 4, 40, 10), 0, "", "", 0, "");

    private Task<CoordinatorNode> CoordinatorAsync() => CoordinatorNode.StartAsync(
        "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
        Patient.Coordinator, Patience, RpcSecurity.None, _ => { }, CancellationToken.None);
}
