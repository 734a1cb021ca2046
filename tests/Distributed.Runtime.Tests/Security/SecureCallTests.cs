using System.Runtime.Versioning;
using Distributed.Kernel;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Rpc;
using Distributed.Runtime.Tests.Rpc.Protocol;
using Grpc.Core;
using Grpc.Health.V1;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: a server answers to nobody who does not show what it asks for, a client tells nothing to a
/// server that is not the one that it dialed, and each says why. Method: real servers and calls.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class SecureCallTests(ITestOutputHelper output) : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task ATokenOpensEveryKindOfCall()
    {
        var security = Tokens.New();
        await using var server = await StartAsync(security);
        using var client = new RpcClient(server.Target, security);
        Assert.Equal("a", await AskAsync(client));
        using var stream = new Echo.EchoClient(client.Invoker).Talk();
        await stream.RequestStream.WriteAsync(new EchoText { Text = "b" });
        Assert.True(await stream.ResponseStream.MoveNext(default));
        Assert.Equal("re:b", stream.ResponseStream.Current.Text);
    }

    [Fact]
    public async Task WithoutTheTokenNothingIsAnsweredButHealth()
    {
        await using var server = await StartAsync(Tokens.New());
        foreach (var (security, why) in new[]
        {
            (RpcSecurity.None, "this cluster asks for a token"),
            (Tokens.New(), "this is not the token of this cluster"),
        })
        {
            using var client = new RpcClient(server.Target, security);
            var refused = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(client));
            output.WriteLine(refused.Message);
            Assert.Contains($"{server.Target} refused: {why}", refused.Message,
                StringComparison.Ordinal);
            Assert.Contains("security.token-file", refused.Message, StringComparison.Ordinal);
            using var stream = new Echo.EchoClient(client.Invoker).Talk();
            var broken = await Assert.ThrowsAsync<RpcException>(
                () => stream.ResponseStream.MoveNext(default));
            Assert.Equal(StatusCode.Unauthenticated, broken.StatusCode);
            var health = await new Health.HealthClient(client.Invoker).CheckAsync(new());
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        }
    }

    [Fact]
    public async Task BothSidesShowCertificates()
    {
        await using var server = await StartAsync(_authority.Node());
        using var client = new RpcClient(
            server.Target, _authority.Node(_authority.Issue("anybody")));
        Assert.Equal("a", await AskAsync(client));
    }

    [Fact]
    public async Task CertificatesAndATokenGoTogether()
    {
        var token = AccessToken.Parse(AccessToken.Draw(), "the test");
        await using var server = await StartAsync(_authority.Node(_authority.Issue(), token));
        using var both = new RpcClient(server.Target, _authority.Node(_authority.Issue(), token));
        Assert.Equal("a", await AskAsync(both));
        using var one = new RpcClient(server.Target, _authority.Node());
        var refused = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(one));
        Assert.Contains("asks for a token", refused.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> WrongServers => new()
    {
        { "another authority", "does not lead to an authority" },
        { "another name", "is not for 127.0.0.1: expected that among its alternative names" },
        { "plain", "does not go on with TLS" },
    };

    [Theory]
    [MemberData(nameof(WrongServers))]
    public async Task AServerThatIsNotTheOneIsToldNothing(string kind, string why)
    {
        using var other = new TestAuthority("another");
        await using var server = await StartAsync(kind switch
        {
            "another authority" => other.Node(),
            "another name" => _authority.Node(_authority.Issue("db.lab")),
            _ => RpcSecurity.None,
        });
        using var client = new RpcClient(server.Target, _authority.Node());
        var refused = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(client));
        output.WriteLine(refused.Message);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    /// <summary>It is said where it can be mended, before anybody dials.</summary>
    [Fact]
    public async Task ACertificateThatNoClientTakesServesNothing()
    {
        foreach (var (certificate, why) in new[]
        {
            (_authority.Issue(usages: TestAuthority.ForClients), "is not one of a server"),
            (_authority.Issue(validDays: -1), "does not lead to an authority"),
        })
        {
            var refused = await Assert.ThrowsAsync<OperatingException>(
                () => StartAsync(_authority.Node(certificate)));
            Assert.Contains(why, refused.Message, StringComparison.Ordinal);
            Assert.Contains("the certificate of lab", refused.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A server outlives its certificate: clients see that it is over.</summary>
    [Fact]
    public void AnExpiredServerIsRefusedWithTheDate()
    {
        using var expired = _authority.Issue(validDays: -1);
        Assert.Contains(
            "expired on",
            PeerCertificate.Problem(
                expired, [], _authority.Authority, TestAuthority.Local,
                TimeProvider.System.GetUtcNow().UtcDateTime),
            StringComparison.Ordinal);
    }

    public static TheoryData<string> WrongClients => ["expired", "another authority", "a server's"];

    [Theory]
    [MemberData(nameof(WrongClients))]
    public async Task AClientThatIsNoneOfTheClusterIsRefused(string kind)
    {
        using var other = new TestAuthority("another");
        await using var server = await StartAsync(_authority.Node());
        var certificate = kind switch
        {
            "expired" => _authority.Issue(validDays: -1),
            "another authority" => other.Issue(),
            _ => _authority.Issue(usages: TestAuthority.ForServers),
        };
        using var client = new RpcClient(server.Target, _authority.Node(certificate));
        var refused = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(client));
        output.WriteLine(refused.Message);
        Assert.Contains(server.Target, refused.Message, StringComparison.Ordinal);
        Assert.Contains("security.tls", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AClientWithoutACertificateIsRefused()
    {
        await using var server = await StartAsync(_authority.Node());
        using var plain = new RpcClient(server.Target, RpcSecurity.None);
        var refused = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(plain));
        output.WriteLine(refused.Message);
        Assert.Contains("security.tls", refused.Message, StringComparison.Ordinal);
    }

    private static Task<RpcServer> StartAsync(RpcSecurity security) => RpcServer.StartAsync(
        "127.0.0.1:0", _ => { }, endpoints => endpoints.Map<EchoService>(Echo.Descriptor),
        security);

    private static async Task<string> AskAsync(RpcClient client)
    {
        var answer = await client.AskAsync(
            "echo",
            (invoker, options) =>
                new Echo.EchoClient(invoker).UnaryAsync(new EchoText { Text = "a" }, options),
            TimeSpan.FromSeconds(20));
        return answer.Text;
    }
}
