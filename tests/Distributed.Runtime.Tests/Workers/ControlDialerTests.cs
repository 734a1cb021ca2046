using System.Net;
using System.Net.Sockets;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;
using Distributed.Runtime.Tests.Store;
using Distributed.Runtime.Workers;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>A worker's way to the coordinators, against real ones.</summary>
public sealed class ControlDialerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dialer-tests-").FullName;
    private readonly AnswerProbe _worker = new();
    private readonly ControlDialer _dialer = new(new AnswerProbe(), RpcSecurity.None);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task TheCoordinatorThatActsWelcomesAndAnswers()
    {
        await using CoordinatorNode node = await StartAsync();
        IControlLink link = await JoinAsync(node, incarnation: 1);
        link.Tell(Heartbeat.Instance);
        await HearAsync(link, HeartbeatAnswer.Instance);
        link.Close("the test is over");
        var closed = await _worker.NextAsync<LinkClosed>();
        Assert.Equal((link, "the test is over"), (closed.Link, closed.Reason));
    }

    [Fact]
    public async Task OneThatStandsByNamesTheOneThatActsAndEndsTheStream()
    {
        await using CoordinatorNode first = await StartAsync();
        await JoinAsync(first, incarnation: 1);
        await using CoordinatorNode second = await StartAsync();
        var other = new AnswerProbe();
        string named = "";
        while (named.Length == 0) // Until it has read the lease it knows of none.
        {
            _dialer.Dial(second.Address, Identity(2), other);
            IControlLink link = (await other.NextAsync<LinkOpened>()).Link;
            var message = await other.NextAsync<LinkMessage>();
            named = Assert.IsType<NotLeader>(message.Message).LeaderAddress;
            Assert.Same(link, (await other.NextAsync<LinkClosed>()).Link);
        }

        Assert.Equal(first.Address, named);
    }

    [Fact]
    public async Task ASecondStreamOfTheSameWorkerReplacesTheFirst()
    {
        await using CoordinatorNode node = await StartAsync();
        IControlLink first = await JoinAsync(node, incarnation: 1);
        var later = new AnswerProbe();
        _dialer.Dial(node.Address, Identity(1), later);
        IControlLink second = (await later.NextAsync<LinkOpened>()).Link;
        Assert.Same(first, (await _worker.NextAsync<LinkClosed>()).Link);
        second.Tell(Heartbeat.Instance);
        Assert.IsType<Welcome>((await later.NextAsync<LinkMessage>()).Message);
        Assert.IsType<HeartbeatAnswer>((await later.NextAsync<LinkMessage>()).Message);
    }

    [Fact]
    public async Task TheStreamEndsWithItsCoordinator()
    {
        CoordinatorNode node = await StartAsync();
        IControlLink link = await JoinAsync(node, incarnation: 1);
        await node.DisposeAsync();
        Assert.Same(link, (await _worker.NextAsync<LinkClosed>()).Link);
    }

    [Theory]
    [InlineData("127.0.0.1:9", "nothing listens at 127.0.0.1:9")]
    [InlineData("nowhere", "\"nowhere\" is not an address")]
    public async Task AnAddressThatHelpsNobodyIsSaid(string address, string reason)
    {
        _dialer.Dial(address, Identity(1), _worker);
        var failed = await _worker.NextAsync<DialFailed>();
        Assert.Equal(address, failed.Address);
        Assert.Contains(reason, failed.Reason, StringComparison.Ordinal);
    }

    /// <summary>As a coordinator does that was stopped, or whose machine hangs.</summary>
    [Fact]
    public async Task ACoordinatorThatSaysNothingIsGivenUp()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        _dialer.Dial($"{silent.LocalEndpoint}", Identity(1), _worker);
        var failed = await _worker.NextAsync<DialFailed>();
        Assert.Equal($"nothing answers at {silent.LocalEndpoint}", failed.Reason);
    }

    /// <summary>Dials until the coordinator holds the lease.</summary>
    private async Task<IControlLink> JoinAsync(CoordinatorNode node, ulong incarnation)
    {
        while (true)
        {
            _dialer.Dial(node.Address, Identity(incarnation), _worker);
            IControlLink link = (await _worker.NextAsync<LinkOpened>()).Link;
            var first = await _worker.NextAsync<LinkMessage>();
            if (first.Message is Welcome)
            {
                Assert.Equal(new LinkMessage(link, new Welcome(1)), first);
                return link;
            }

            Assert.IsType<NotLeader>(first.Message);
            await _worker.NextAsync<LinkClosed>();
        }
    }

    private async Task HearAsync(IControlLink link, CoordinatorMessage message) =>
        Assert.Equal(
            new LinkMessage(link, message), await _worker.NextAsync<LinkMessage>());

    private static WorkerIdentity Identity(ulong incarnation) =>
        new($"w{incarnation}", incarnation, "host", 1, "127.0.0.1:1", []);

    private Task<CoordinatorNode> StartAsync() => CoordinatorNode.StartAsync(
        "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
        Patient.Coordinator, TimeSpan.FromSeconds(5), RpcSecurity.None, _ => { },
        CancellationToken.None);
}
