using System.Text;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Tests.Rpc;
using Distributed.Training.Specification;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>
/// The coordinators of a cluster as others see them: over gRPC, from another program and from ours.
/// </summary>
public sealed class CoordinatorNodeTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _folder =
        Directory.CreateTempSubdirectory("coordinator-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>grpcio calls methods of the coordinator, and joins it as a worker would.</summary>
    [Fact]
    public async Task GrpcioCallsTheCoordinator()
    {
        if (PythonPeer.IsMissing(output)) return;
        await using CoordinatorNode node = await StartAsync();
        using var client = new CoordinatorClient(node.Address);
        ClusterStatus status = await client.StatusAsync(CancellationToken.None);
        Assert.Equal(1, status.Term);

        Dictionary<string, string> results = await PythonPeer.RunAsync(
            "Rpc/rpc_peer.py", "coordinator", node.Address);

        string address = Convert.ToHexStringLower(Encoding.ASCII.GetBytes(node.Address));
        Assert.Equal("0801", results["health"]);
        Assert.Equal($"180122{node.Address.Length:x2}{address}", results["idle"]);
        Assert.Equal("", results["stop"]);
        Assert.Equal(
            "INVALID_ARGUMENT: the first frame of Join introduces the worker: hello",
            results["stranger"]);
        Assert.Equal("0a020801", results["welcome"]);
        Assert.Equal("True", results["joined"]);
        Assert.Equal("0", results["left"]);
    }

    [Fact]
    public async Task AWaitingJobIsAcceptedAndCanBeStopped()
    {
        await using CoordinatorNode node = await StartAsync();
        using var client = new CoordinatorClient(node.Address);
        Assert.Equal(0, await client.IdleWorkerCountAsync(CancellationToken.None));
        List<RunEvent> events = await RunAsync(client, Job(), job =>
            StopAsync(client, job));
        AssertInterrupted(events);
        Assert.False(await client.StopAsync(12345, "test", CancellationToken.None));
    }

    /// <summary>
    /// Its watcher sees one run: accepted once, and ended once, by the successor.
    /// </summary>
    [Fact]
    public async Task AJobIsWatchedOnAtTheSuccessor()
    {
        CoordinatorNode first = await StartAsync();
        using var client = new CoordinatorClient(first.Address);
        await client.StatusAsync(CancellationToken.None);
        await using CoordinatorNode second = await StartAsync();
        using var watcher = new CoordinatorClient(second.Address);
        List<RunEvent> events = await RunAsync(watcher, Job(), async job =>
        {
            await first.DisposeAsync();
            await StopAsync(watcher, job);
        });
        AssertInterrupted(events);
        ClusterStatus status = await watcher.StatusAsync(CancellationToken.None);
        Assert.Equal(2, status.Term);
    }

    [Fact]
    public async Task OneThatStandsByNamesTheOneThatActs()
    {
        await using CoordinatorNode first = await StartAsync();
        using var direct = new CoordinatorClient(first.Address);
        await direct.StatusAsync(CancellationToken.None);
        await using CoordinatorNode second = await StartAsync();
        using var client = new CoordinatorClient(second.Address);
        ClusterStatus status = await client.StatusAsync(CancellationToken.None);
        Assert.Equal((1, first.Address), (status.Term, status.LeaderAddress));
        Assert.False(await client.StopAsync(12345, "test", CancellationToken.None));
    }

    [Fact]
    public async Task NobodyAtTheAddressIsSaid()
    {
        using var client = new CoordinatorClient("127.0.0.1:9");
        var failure = await Assert.ThrowsAsync<OperatingException>(
            () => client.IdleWorkerCountAsync(CancellationToken.None));
        Assert.Contains(
            "nothing listens at 127.0.0.1:9", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneOfSeveralAddressesIsEnough()
    {
        await using CoordinatorNode node = await StartAsync();
        using var client = new CoordinatorClient("127.0.0.1:9", node.Address);
        ClusterStatus status = await client.StatusAsync(CancellationToken.None);
        Assert.Equal(node.Address, status.LeaderAddress);
    }

    [Fact]
    public async Task AnUnreachableWatchCanBeCancelled()
    {
        using var client = new CoordinatorClient("127.0.0.1:9");
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (RunEvent happened in client.RunAsync(Job(), Patience, stop.Token))
                Assert.Fail($"nobody can have told {happened}");
        });
    }

    private static async Task<List<RunEvent>> RunAsync(
        CoordinatorClient client, JobDescription job, Func<ulong, Task> onAccepted)
    {
        var events = new List<RunEvent>();
        Task accepted = Task.CompletedTask;
        await foreach (RunEvent happened in client.RunAsync(
            job, Patience, CancellationToken.None))
        {
            events.Add(happened);
            if (happened is JobAccepted acceptance)
                accepted = Task.Run(() => onAccepted(acceptance.Job));
        }

        await accepted;
        return events;
    }

    private static async Task StopAsync(CoordinatorClient client, ulong job) =>
        Assert.True(await client.StopAsync(job, "test", CancellationToken.None));

    private void AssertInterrupted(List<RunEvent> events)
    {
        Assert.IsType<JobAccepted>(events[0]);
        Assert.Equal(new RunInterrupted(0, _folder), events[^1]);
        Assert.All(events[1..^1], happened => Assert.IsType<Notice>(happened));
    }

    private JobDescription Job() => new(
        "job", RunSpecReader.Read("", "test").ToYaml(), _folder, 2, 1, 4, ReductionOrder.Exact, 64,
        1_000, 5, new StepSchedule(10, 5, 5, 0), 0, "", "", 0, "");

    private Task<CoordinatorNode> StartAsync() => CoordinatorNode.StartAsync(
        "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
        Patient.Coordinator, TimeSpan.FromSeconds(5),
        record => output.WriteLine(record.Text),
        CancellationToken.None);
}
