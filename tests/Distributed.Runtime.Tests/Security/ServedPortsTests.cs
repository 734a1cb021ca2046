using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.Versioning;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Metrics;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Pbm;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: what a coordinator serves beside its own port, to pbm and to Prometheus, is as safe as
/// that one. Method: real servers of a real coordinator, asked by friends and by strangers.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class ServedPortsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("served-tests-").FullName;

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task NeitherIsOpenedToOthersWithoutSecurity()
    {
        await using CoordinatorNode node = await StartAsync(RpcSecurity.None);
        foreach ((string port, Func<Task> open) in new (string, Func<Task>)[]
        {
            ("the metrics port at 0.0.0.0", () => MetricsAsync(node, "0.0.0.0")),
            ("pbm's port at 0.0.0.0", () => PbmAsync(node, "0.0.0.0")),
        })
        {
            var refused = await Assert.ThrowsAsync<OperatingException>(open);
            Assert.Contains(port, refused.Message, StringComparison.Ordinal);
            Assert.Contains("security.token-file", refused.Message, StringComparison.Ordinal);
            Assert.Equal(ExitCodes.BadUsage, refused.ExitCode);
        }
    }

    [Fact]
    public async Task WithATokenBothAreOpenAndAnswerToItAlone()
    {
        string token = AccessToken.Draw();
        RpcSecurity security = Tokens.With(token);
        await using CoordinatorNode node = await StartAsync(security);
        await using MetricsServer metrics = await MetricsAsync(node, "0.0.0.0");
        await using PbmServer pbm = await PbmAsync(node, "0.0.0.0");
        var url = new Uri($"http://127.0.0.1:{metrics.Address.Port}{MetricsServer.Path}");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using HttpResponseMessage stranger = await http.GetAsync(url);
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        Assert.DoesNotContain(
            "distributed_", await stranger.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        Assert.Contains(
            "distributed_cluster_term", await http.GetStringAsync(url), StringComparison.Ordinal);

        string address = $"127.0.0.1:{ListeningPort(pbm.Address)}";
        using var friend = new PbmClient(address, security);
        Assert.NotEmpty((await friend.DescribeAsync(default)).Palettes);
        using var other = new PbmClient(address, RpcSecurity.None);
        var refused = await Assert.ThrowsAsync<OperatingException>(
            () => other.DescribeAsync(default));
        Assert.Contains("asks for a token", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithCertificatesBothSpeakTlsWithThoseWhoShowOne()
    {
        await using CoordinatorNode node = await StartAsync(_authority.Node());
        await using MetricsServer metrics = await MetricsAsync(node, "127.0.0.1");
        await using PbmServer pbm = await PbmAsync(node, "127.0.0.1");
        Assert.StartsWith("https://127.0.0.1:", metrics.Url, StringComparison.Ordinal);
        using HttpClient friend = Client(shows: true);
        Assert.Contains(
            "distributed_cluster_term", await friend.GetStringAsync(new Uri(metrics.Url)),
            StringComparison.Ordinal);
        using HttpClient stranger = Client(shows: false);
        await Assert.ThrowsAsync<HttpRequestException>(
            () => stranger.GetStringAsync(new Uri(metrics.Url)));

        using var known = new PbmClient(pbm.Address, _authority.Node());
        Assert.NotEmpty((await known.DescribeAsync(default)).Palettes);
        using var unknown = new PbmClient(pbm.Address, RpcSecurity.None);
        await Assert.ThrowsAnyAsync<OperatingException>(() => unknown.DescribeAsync(default));
    }

    private HttpClient Client(bool shows) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificates = shows ? [_authority.Issue()] : [],
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
        },
    });

    private static string ListeningPort(string address) =>
        address[(address.LastIndexOf(':') + 1)..];

    private Task<CoordinatorNode> StartAsync(RpcSecurity security) => CoordinatorNode.StartAsync(
        "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
        Patient.Coordinator, TimeSpan.FromSeconds(60), security, _ => { }, default);

    private static Task<MetricsServer> MetricsAsync(CoordinatorNode node, string host) =>
        MetricsServer.StartAsync(node, $"{host}:0", orAnyPort: true, default);

    private static Task<PbmServer> PbmAsync(CoordinatorNode node, string host) =>
        PbmServer.StartAsync(
            node,
            new PbmOptions(
                new ClusterSettings { Pbm = new PbmSettings { Host = host, Port = 0 } }, "1.2.3",
                new LogThreshold(LogLevel.Info), MayTakeAnyPort: true),
            default);
}
