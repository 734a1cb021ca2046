using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Distributed.Cluster.Configuration;
using Distributed.Dashboard.Live;
using Distributed.Kernel;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Security;

namespace Distributed.Dashboard.Tests.Live;

/// <summary>
/// Goal: the dashboard tells nothing to strangers: not its page, not a file of it, not its stream.
/// Method: a real server, asked over HTTP and HTTPS by friends and by strangers.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class SecureDashboardTests : IAsyncLifetime
{
    private static readonly string[] s_paths =
        ["", "app.js", "echarts.min.js", "api/events", "api/jobs/1/timeline", "nothing"];

    private readonly ClusterReadModel _model = new("10.0.0.1:4053", TimeProvider.System);
    private readonly TemporaryFolder _folder = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _model.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task ItIsNotOpenedToOthersWithoutSecurity()
    {
        var refused = await Assert.ThrowsAsync<OperatingException>(
            () => StartAsync("0.0.0.0:0", RpcSecurity.None));
        Assert.Contains("the dashboard at 0.0.0.0", refused.Message, StringComparison.Ordinal);
        Assert.Contains("security.token-file", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithATokenEveryPathIsBehindIt()
    {
        string token = AccessToken.Draw();
        await using DashboardServer server = await StartAsync(
            "0.0.0.0:0", RpcSecurity.Load(new SecuritySettings(), token));
        using var stranger = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        foreach (string path in s_paths)
        {
            using HttpResponseMessage refused = await GetAsync(stranger, server, path);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
            Assert.Contains(
                "?token=TOKEN", await refused.Content.ReadAsStringAsync(),
                StringComparison.Ordinal);
        }

        using var bearer = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        bearer.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", token);
        // As a browser does: the cookie that the first address brings opens all the rest.
        using var browser = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            CookieContainer = new CookieContainer(),
        });
        using HttpResponseMessage page = await GetAsync(browser, server, $"?token={token}");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Equal(server.Url, page.RequestMessage!.RequestUri);
        foreach (HttpClient friend in new[] { browser, bearer })
        {
            foreach (string path in s_paths.Where(path => path != "echarts.min.js"))
            {
                using HttpResponseMessage answer = await GetAsync(friend, server, path);
                Assert.Equal(
                    path == "nothing" ? HttpStatusCode.NotFound : HttpStatusCode.OK,
                    answer.StatusCode);
                if (path == "api/events")
                    await AssertTellsAsync(answer);
            }
        }
    }

    [Fact]
    public async Task WithCertificatesItIsHttpsForThoseWhoShowOne()
    {
        using X509Certificate2 friendly = WriteCertificates(out TlsSettings files);
        await using DashboardServer server = await StartAsync(
            "127.0.0.1:0", RpcSecurity.Load(new SecuritySettings { Tls = files }, null));
        Assert.Equal("https", server.Url.Scheme);
        using HttpClient friend = Client(friendly);
        using HttpResponseMessage page = await GetAsync(friend, server, "");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        using HttpResponseMessage events = await GetAsync(friend, server, "api/events");
        await AssertTellsAsync(events);
        using HttpClient stranger = Client(null);
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(stranger, server, ""));
    }

    private Task<DashboardServer> StartAsync(string address, RpcSecurity security) =>
        DashboardServer.StartAsync(address, _model, security, TimeProvider.System);

    private static Task<HttpResponseMessage> GetAsync(
        HttpClient client, DashboardServer server, string path) => client.GetAsync(
            new Uri(server.Url, path), HttpCompletionOption.ResponseHeadersRead);

    private static async Task AssertTellsAsync(HttpResponseMessage answer)
    {
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.StartsWith("id: ", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("event: frame", await reader.ReadLineAsync());
    }

    private static HttpClient Client(X509Certificate2? shown) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificates = shown is null ? [] : [shown],
            RemoteCertificateValidationCallback = (_, theirs, _, _) => theirs is not null,
        },
    });

    /// <summary>An authority, and one certificate of it for this host.</summary>
    private X509Certificate2 WriteCertificates(out TlsSettings files)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=lab", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(true, false, 0, critical: true));
        authority.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using X509Certificate2 root = authority.CreateSelfSigned(now.AddDays(-2), now.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 signed = request.Create(
            root, now.AddDays(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        files = new TlsSettings
        {
            Certificate = _folder.PathOf("node.pem"),
            Key = _folder.PathOf("node.key"),
            Authority = _folder.PathOf("authority.pem"),
        };
        File.WriteAllText(files.Certificate, signed.ExportCertificatePem());
        File.WriteAllText(files.Key, key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(files.Key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(files.Authority, root.ExportCertificatePem());
        return signed.CopyWithPrivateKey(key);
    }
}
