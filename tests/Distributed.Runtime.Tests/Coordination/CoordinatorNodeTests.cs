using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Tests.Rpc;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>
/// The coordinator as others see it: over gRPC, from another program and from ours.
/// </summary>
public sealed class CoordinatorNodeTests(ITestOutputHelper output)
{
    /// <summary>grpcio calls methods of the coordinator, and joins it as a worker would.</summary>
    [Fact]
    public async Task GrpcioCallsTheCoordinator()
    {
        if (PythonPeer.IsMissing(output)) return;
        await using CoordinatorNode node = await StartAsync();

        Dictionary<string, string> results = await PythonPeer.RunAsync(
            "Rpc/rpc_peer.py", "coordinator", node.Address);

        Assert.Equal("0801", results["health"]);
        Assert.Equal("", results["idle"]);
        Assert.Equal("", results["stop"]);
        Assert.Equal(
            "INVALID_ARGUMENT: the first frame of Join introduces the worker: hello",
            results["stranger"]);
        Assert.Equal("0a00", results["welcome"]);
        Assert.Equal("True", results["joined"]);
        Assert.Equal("0", results["left"]);
    }

    [Fact]
    public async Task AWaitingJobIsAcceptedAndCanBeStopped()
    {
        await using CoordinatorNode node = await StartAsync();
        using var client = new CoordinatorClient(node.Address);
        Assert.Equal(0, await client.IdleWorkerCountAsync(CancellationToken.None));
        var job = new JobDescription(
            "job", "spec", "/nowhere", 2, 4, ReductionOrder.Exact, 64, 1_000, 5,
            new StepSchedule(10, 5, 5, 0), 0, "", "", 0, "");
        var events = new List<RunEvent>();
        await foreach (RunEvent happened in client.RunAsync(job, CancellationToken.None))
        {
            events.Add(happened);
            if (happened is JobAccepted accepted)
                Assert.True(await client.StopAsync(accepted.Job, "test", CancellationToken.None));
        }

        Assert.Collection(
            events,
            first => Assert.IsType<JobAccepted>(first),
            last => Assert.Equal(new RunInterrupted(0, "/nowhere"), last));
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

    private static Task<CoordinatorNode> StartAsync() =>
        CoordinatorNode.StartAsync("127.0.0.1:0", _ => { }, CancellationToken.None);
}
