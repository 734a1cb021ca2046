using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;
using Distributed.Runtime.Workers;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>A worker in this process, which leaves the cluster when it is disposed of.</summary>
internal sealed class RunningWorker(
    WorkerNode node, CancellationTokenSource leave, Task work) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<RunningWorker> StartAsync(
        string name, IReadOnlyList<string> seeds)
    {
        WorkerNode node = await WorkerNode.StartAsync(
            name, "", [], "127.0.0.1:0", port => $"127.0.0.1:{port}", RpcSecurity.None,
            _ => { }, CancellationToken.None);
        var leave = new CancellationTokenSource();
        Task work = node.WorkAsync(
            seeds, Patient.Worker, Patience, Patience, leave.Token);
        return new RunningWorker(node, leave, work);
    }

    /// <summary>Completes when its process would end.</summary>
    public Task Work => work;

    public async Task LeaveAsync()
    {
        await leave.CancelAsync();
        await work.WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        await LeaveAsync();
        await node.DisposeAsync();
        leave.Dispose();
    }
}
