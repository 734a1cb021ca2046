using Distributed.Cluster.Coordination;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>
/// What a real worker tells of itself reaches the coordinator's read model, and what it is ordered
/// over gRPC it does.
/// </summary>
public sealed class WorkerOrderTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder =
        Directory.CreateTempSubdirectory("worker-orders-").FullName;

    [Fact]
    public async Task VitalsLogLinesAndBenchesAreShownAndALeaveIsObeyed()
    {
        await using CoordinatorNode node = await CoordinatorNode.StartAsync(
            "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
            Patient.Coordinator, TimeSpan.FromSeconds(5), RpcSecurity.None, _ => { },
            CancellationToken.None);
        await using RunningWorker worker = await RunningWorker.StartAsync("w0", [node.Address]);
        using var client = new CoordinatorClient(RpcSecurity.None, node.Address);

        WorkerView shown = await UntilAsync(node, view => view.Vitals is { MemoryBytes: > 0 });
        Assert.InRange(shown.Vitals!.Utilisation, 0, 1);
        Assert.Equal(0, shown.Vitals.DeviceMemoryTotalBytes);
        await UntilAsync(
            () => node.ReadModel.Logs(after: 0, countMax: 1000).Any(
                line => line.Node == "w0"
                    && line.Text.StartsWith("joined", StringComparison.Ordinal)));

        Assert.Equal(
            new ClusterOrderReply(true, "worker w0 gets no job from now on"),
            await client.OrderAsync(new BenchWorker("w0", "noisy"), CancellationToken.None));
        await UntilAsync(node, view => view.BenchReason == "noisy");
        Assert.True((await client.OrderAsync(
            new UnbenchWorker("w0"), CancellationToken.None)).Taken);
        await UntilAsync(node, view => view.BenchReason.Length == 0);
        ClusterOrderReply refused = await client.OrderAsync(
            new PauseJob(42, "why"), CancellationToken.None);
        Assert.False(refused.Taken);

        Assert.True((await client.OrderAsync(
            new LeaveWorker("w0", "maintenance"), CancellationToken.None)).Taken);
        await worker.Work.WaitAsync(Patience);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<WorkerView> UntilAsync(
        CoordinatorNode node, Func<WorkerView, bool> passes)
    {
        WorkerView? found = null;
        await UntilAsync(() =>
            (found = node.ReadModel.Workers().FirstOrDefault(passes)) is not null);
        return found!;
    }

    private static async Task UntilAsync(Func<bool> passes)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!passes())
            await Task.Delay(20, patience.Token);
    }
}
