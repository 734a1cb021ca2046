using System.Runtime.Versioning;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.DataPlane;
using Xunit.Abstractions;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: frames go between workers that know each other with the same bytes as without security,
/// and not at all between others. Method: real transports in one process.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class SecureDataPlaneTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(60);

    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task FramesArriveWhole(bool hasToken, bool hasCertificates)
    {
        var token = hasToken ? AccessToken.Parse(AccessToken.Draw(), "the test") : null;
        await using var cluster = await StartAsync([.. Enumerable.Range(0, 3).Select(
            _ => hasCertificates
                ? _authority.Node(_authority.Issue(), token)
                : new RpcSecurity(token, tls: null))]);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, ExchangeAll).WaitAsync(Moment);
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task AWorkerWithAnotherTokenIsALostPeerWithTheReason()
    {
        await using var cluster = await StartAsync([Tokens.New(), Tokens.New()]);
        var lost = await LostAsync(cluster);
        Assert.Contains("this is not the token of this cluster", lost, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWorkerOfAnotherAuthorityIsALostPeerWithTheReason()
    {
        using var other = new TestAuthority("another");
        await using var cluster = await StartAsync([_authority.Node(), other.Node()]);
        var lost = await LostAsync(cluster);
        Assert.Contains("does not lead to an authority", lost, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AWorkerUnderAnotherNameIsALostPeerWithTheReason()
    {
        await using var cluster = await StartAsync(
            [_authority.Node(), _authority.Node(_authority.Issue("db.lab"))]);
        Assert.Contains("is not for 127.0.0.1", await LostAsync(cluster), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AWorkerWithoutCertificateIsALostPeer(bool isCaller)
    {
        await using var cluster = await StartAsync(
            isCaller
                ? [RpcSecurity.None, _authority.Node()]
                : [_authority.Node(), RpcSecurity.None]);
        Assert.NotEmpty(await LostAsync(cluster));
    }

    /// <summary>A peer that ends is noticed through the encryption as without it.</summary>
    [Fact]
    public async Task APeerThatCancelsTellsWhyThroughTls()
    {
        await using var cluster = await StartAsync([_authority.Node(), _authority.Node()]);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, ExchangeAll).WaitAsync(Moment);
        transports[0].Cancel("rank 7 is gone");
        var lost = await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transports[1].Receive(0, Header(99, 1), new byte[1])).WaitAsync(Moment));
        Assert.Contains("rank 7 is gone", lost.Message, StringComparison.Ordinal);
        await DisposeAllAsync(transports);
    }

    [Fact]
    public async Task AServerThatStopsIsALostPeerThroughTls()
    {
        await using var cluster = await StartAsync([_authority.Node(), _authority.Node()]);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, ExchangeAll).WaitAsync(Moment);
        var blocked = OnThread(() => transports[1].Receive(0, Header(99, 1), new byte[1]));
        await cluster.Servers[0].DisposeAsync();
        await Assert.ThrowsAsync<PeerLostException>(() => blocked.WaitAsync(Moment));
        await DisposeAllAsync(transports);
    }

    /// <summary>Sends frames of many sizes to each other rank, and checks those of all.</summary>
    private static void ExchangeAll(GrpcTransport transport)
    {
        int[] sizes = [0, 1, 100, 16_384, 65_537, 3_000_000];
        var others = Enumerable.Range(0, transport.Size).Where(rank => rank != transport.Rank)
            .ToArray();
        for (var step = 0; step < sizes.Length; step++)
        {
            foreach (var peer in others)
                transport.Send(peer, Header(step, sizes[step]), Noise(transport.Rank, sizes[step]));
        }

        for (var step = 0; step < sizes.Length; step++)
        {
            foreach (var peer in others)
            {
                var received = new byte[sizes[step]];
                transport.Receive(peer, Header(step, sizes[step]), received);
                Assert.True(received.AsSpan().SequenceEqual(Noise(peer, sizes[step])));
            }
        }

        transport.Flush();
    }

    private static byte[] Noise(int rank, int size)
    {
        var bytes = new byte[size];
        new Random(rank * 31 + size).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Why rank 0 has lost rank 1.</summary>
    private async Task<string> LostAsync(TransportCluster cluster)
    {
        var told = new TaskCompletionSource<string>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        var transports = new[]
        {
            cluster.Open(0, lost: (_, reason) => told.TrySetResult(reason)), cluster.Open(1),
        };
        var reason = await told.Task.WaitAsync(Moment);
        output.WriteLine(reason);
        foreach (var transport in transports)
            transport.Cancel("the test is over");
        await DisposeAllAsync(transports);
        return reason;
    }
}
