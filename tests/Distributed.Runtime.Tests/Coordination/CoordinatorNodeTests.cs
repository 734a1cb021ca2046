using System.Text;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Rpc;
using Distributed.Training.Specification;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>
/// The coordinators of a cluster as others see them: over gRPC, from another program and from ours.
/// </summary>
public sealed class CoordinatorNodeTests(ITestOutputHelper output) : SharedStoreTests(output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly ITestOutputHelper _output = output;

    protected override string StoreLocation => Path.Combine(Folder, "cluster.db");

    /// <summary>grpcio calls methods of the coordinator, and joins it as a worker would.</summary>
    [Fact]
    public async Task GrpcioCallsTheCoordinator()
    {
        if (PythonPeer.IsMissing(_output)) return;
        await using CoordinatorNode node = await StartAsync();
        using var client = new CoordinatorClient(RpcSecurity.None, node.Address);
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
        using var client = new CoordinatorClient(RpcSecurity.None, node.Address);
        Assert.Equal(0, await client.IdleWorkerCountAsync(CancellationToken.None));
        List<RunEvent> events = await RunAsync(client, Job(), job =>
            StopAsync(client, job));
        AssertInterrupted(events);
        Assert.False(await client.StopAsync(12345, "test", CancellationToken.None));
    }

    [Fact]
    public async Task NobodyAtTheAddressIsSaid()
    {
        using var client = new CoordinatorClient(RpcSecurity.None, "127.0.0.1:9");
        var failure = await Assert.ThrowsAsync<OperatingException>(
            () => client.IdleWorkerCountAsync(CancellationToken.None));
        Assert.Contains(
            "nothing listens at 127.0.0.1:9", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneOfSeveralAddressesIsEnough()
    {
        await using CoordinatorNode node = await StartAsync();
        using var client = new CoordinatorClient(RpcSecurity.None, "127.0.0.1:9", node.Address);
        ClusterStatus status = await client.StatusAsync(CancellationToken.None);
        Assert.Equal(node.Address, status.LeaderAddress);
    }

    [Fact]
    public async Task AnUnreachableWatchCanBeCancelled()
    {
        using var client = new CoordinatorClient(RpcSecurity.None, "127.0.0.1:9");
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (RunEvent happened in client.RunAsync(Job(), Patience, stop.Token))
                Assert.Fail($"nobody can have told {happened}");
        });
    }
}
