using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;
using Distributed.Training.Specification;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>Coordinators that share a store, whichever database it is in.</summary>
public abstract class SharedStoreTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _folder =
        Directory.CreateTempSubdirectory("coordinator-tests-").FullName;

    protected string Folder => _folder;

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The store of this test's coordinators.</summary>
    protected abstract string StoreLocation { get; }

    /// <summary>
    /// Its watcher sees one run: accepted once, and ended once, by the successor.
    /// </summary>
    [Fact]
    public async Task AJobIsWatchedOnAtTheSuccessor()
    {
        CoordinatorNode first = await StartAsync();
        using var client = new CoordinatorClient(RpcSecurity.None, first.Address);
        await client.StatusAsync(CancellationToken.None);
        await using CoordinatorNode second = await StartAsync();
        using var watcher = new CoordinatorClient(RpcSecurity.None, second.Address);
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
        using var direct = new CoordinatorClient(RpcSecurity.None, first.Address);
        await direct.StatusAsync(CancellationToken.None);
        await using CoordinatorNode second = await StartAsync();
        using var client = new CoordinatorClient(RpcSecurity.None, second.Address);
        ClusterStatus status = await client.StatusAsync(CancellationToken.None);
        Assert.Equal((1, first.Address), (status.Term, status.LeaderAddress));
        Assert.False(await client.StopAsync(12345, "test", CancellationToken.None));
    }

    private protected static async Task<List<RunEvent>> RunAsync(
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

    private protected static async Task StopAsync(CoordinatorClient client, ulong job) =>
        Assert.True(await client.StopAsync(job, "test", CancellationToken.None));

    private protected void AssertInterrupted(List<RunEvent> events)
    {
        Assert.IsType<JobAccepted>(events[0]);
        Assert.Equal(new RunInterrupted(0, _folder), events[^1]);
        Assert.All(events[1..^1], happened => Assert.IsType<Notice>(happened));
    }

    private protected JobDescription Job()
    {
        RunSpec spec = RunSpecReader.Read("", "test");
        new RunRecord(spec, Commit: null, Numerics: null).Save(_folder);
        return new JobDescription(
            "job", spec.ToYaml(), _folder, 2, 1, 4, ReductionOrder.Exact, 64,
            1_000, 5, new StepSchedule(10, 5, 5, 0), 0, "", "", 0, "");
    }

    private protected Task<CoordinatorNode> StartAsync() => CoordinatorNode.StartAsync(
        "127.0.0.1:0", port => $"127.0.0.1:{port}", StoreLocation,
        Patient.Coordinator, TimeSpan.FromSeconds(5), RpcSecurity.None,
        record => output.WriteLine(record.Text),
        CancellationToken.None);
}
