using Distributed.Collectives.Reduction;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Security;
using Distributed.Torch;
using Distributed.Training.Step;
using Distributed.Training.Tests.Step;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// A state is copied whole from a peer that holds exactly that one, or one's own stays as it was.
/// </summary>
public sealed class StateFetchTests : IAsyncLifetime, IDisposable
{
    private const ulong Job = 7;

    private readonly DataPlaneHub _hub = new(RpcSecurity.None);
    private readonly TrainingSession _source;
    private readonly TrainingSession _target;
    private DataPlaneServer? _server;

    public StateFetchTests()
    {
        TorchLibrary.Initialize(threadCount: 1);
        _source = TestSessions.Create(TestSessions.NormalizedModel, seed: 1);
        _target = TestSessions.Create(TestSessions.NormalizedModel, seed: 1);
        _source.Join(
            ReductionPlan.Create(ShardMap.Even(4, 1), ReductionOrder.Exact), 0,
            new CollectiveScope(Job, 1), transport: null);
        for (int step = 1; step <= 5; step++)
            _source.Step(step);
    }

    public async Task InitializeAsync()
    {
        _server = await DataPlaneServer.StartAsync("127.0.0.1:0", _hub);
        _hub.States.Offer(Job, _source.State);
    }

    public async Task DisposeAsync() => await _server!.DisposeAsync();

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
    }

    [Fact]
    public void AllOfTheStateIsTakenOver()
    {
        Fetch(Job, step: 5);
        Assert.Equal(_source.State.Counters, _target.State.Counters);
        Assert.Equal(Bytes(_source), Bytes(_target));
    }

    [Theory]
    [InlineData(Job, 4, "after step 5, not after step 4")]
    [InlineData(Job, 6, "after step 5, not after step 6")]
    [InlineData(8, 5, "does not work on job")]
    public void AnotherStateIsRefused(ulong job, long step, string reason)
    {
        byte[] before = Bytes(_target);
        var refused = Assert.Throws<StateFetchException>(() => Fetch(job, step));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Bytes(_target));
        Assert.Equal(0, _target.State.Step);
    }

    [Fact]
    public void AnotherModelsStateIsRefused()
    {
        using TrainingSession other = TestSessions.Create(TestSessions.PlainModel, seed: 1);
        var refused = Assert.Throws<StateFetchException>(() => StateFetch.Run(
            _server!.Target, RpcSecurity.None, Job, 5, other.State, CancellationToken.None));
        Assert.Contains("layout", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, other.State.Step);
    }

    [Fact]
    public void AStateThatWasWithdrawnIsRefused()
    {
        _hub.States.Withdraw(Job, _target.State); // Another's: nothing changes.
        Fetch(Job, step: 5);
        _hub.States.Withdraw(Job, _source.State);
        Assert.Throws<StateFetchException>(() => Fetch(Job, step: 5));
    }

    [Fact]
    public void APeerThatIsGoneIsNamed()
    {
        var gone = Assert.Throws<StateFetchException>(() => StateFetch.Run(
            "127.0.0.1:9", RpcSecurity.None, Job, 5, _target.State, CancellationToken.None));
        Assert.Contains("127.0.0.1:9", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ACancelledCopyChangesNothing()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => StateFetch.Run(
            _server!.Target, RpcSecurity.None, Job, 5, _target.State, cancelled.Token));
        Assert.Equal(0, _target.State.Step);
    }

    private void Fetch(ulong job, long step) => StateFetch.Run(
        _server!.Target, RpcSecurity.None, job, step, _target.State, CancellationToken.None);

    private static byte[] Bytes(TrainingSession session)
    {
        var bytes = new byte[session.State.ByteLength];
        Assert.True(session.State.TryCopyTo(session.State.Step, 0, bytes));
        return bytes;
    }
}
