using System.Net;
using System.Net.Security;
using System.Runtime.Versioning;
using Distributed.Kernel;
using Distributed.Runtime.Security;
using Microsoft.AspNetCore.Http;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: a port for browsers answers to nobody but those who may, and to no page of another site.
/// Method: requests to a real Kestrel whose every page is "inside".
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class WebGateTests
{
    private const string Token = "0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task WithoutATokenThisHostComesIn()
    {
        await using var page = await Page.OpenAsync(RpcSecurity.None);
        Assert.Equal("inside", await page.TextAsync("/"));
        Assert.Equal("inside", await page.TextAsync("/?token=anything"));
    }

    /// <summary>A page whose name a stranger has led to 127.0.0.1 (DNS rebinding).</summary>
    [Theory]
    [InlineData("localhost", true)]
    [InlineData("a.localhost", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]", true)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("10.0.0.1", false)]
    public async Task OnlyNamesOfThisHostLeadIn(string host, bool isAnswered)
    {
        await using var page = await Page.OpenAsync(RpcSecurity.None);
        using var answer = await page.SendAsync("GET", "/", ("Host", $"{host}:{page.Port}"));
        Assert.Equal(
            isAnswered ? HttpStatusCode.OK : HttpStatusCode.MisdirectedRequest, answer.StatusCode);
    }

    [Fact]
    public async Task WhatChangesSomethingComesFromAPageOfThePort()
    {
        await using var page = await Page.OpenAsync(RpcSecurity.None);
        var own = $"http://127.0.0.1:{page.Port}";
        foreach (var (headers, isAnswered) in new ((string, string)[], bool)[]
        {
            ([], true),
            ([("Origin", own)], true),
            ([("Sec-Fetch-Site", "same-origin")], true),
            ([("Origin", "http://evil.example")], false),
            ([("Origin", "null")], false),
            ([("Origin", $"http://127.0.0.1:{page.Port + 1}")], false),
            ([("Origin", $"https://127.0.0.1:{page.Port}")], false),
            ([("Sec-Fetch-Site", "cross-site")], false),
            ([("Sec-Fetch-Site", "same-site")], false),
        })
        {
            var expected = isAnswered ? HttpStatusCode.OK : HttpStatusCode.Forbidden;
            foreach (var method in new[] { "POST", "PUT", "DELETE", "PATCH" })
            {
                using var answer = await page.SendAsync(method, "/", headers);
                Assert.Equal(expected, answer.StatusCode);
            }

            using var socket = await page.SendAsync(
                "GET", "/", [.. headers, ("Connection", "Upgrade"), ("Upgrade", "websocket")]);
            Assert.Equal(expected, socket.StatusCode);
            using var reading = await page.SendAsync("GET", "/", headers);
            Assert.Equal(HttpStatusCode.OK, reading.StatusCode);
        }
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("Bearer " + Token, true)]
    [InlineData("Bearer " + Token + "x", false)]
    [InlineData("Basic " + Token, false)]
    public async Task AHeaderWithTheTokenLeadsIn(string? header, bool isAnswered)
    {
        await using var page = await Page.OpenAsync(Tokens.With(Token));
        foreach (var method in new[] { "GET", "POST" })
        {
            using var answer = await page.SendAsync(
                method, "/a?b=c", header is null ? [] : [("Authorization", header)]);
            Assert.Equal(
                isAnswered ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, answer.StatusCode);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.Equal(isAnswered, text == "inside");
            Assert.DoesNotContain(Token, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task AnAddressWithTheTokenLogsInOnceAndLosesIt()
    {
        await using var page = await Page.OpenAsync(Tokens.With(Token));
        using var login = await page.SendAsync("GET", $"//evil.example/a?b=c%26d&token={Token}");
        Assert.Equal(HttpStatusCode.SeeOther, login.StatusCode);
        Assert.Equal(
            $"http://127.0.0.1:{page.Port}//evil.example/a?b=c%26d",
            login.Headers.Location!.OriginalString);
        var cookie = Assert.Single(login.Headers.GetValues("Set-Cookie"));
        Assert.DoesNotContain(Token, cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.True(login.Headers.CacheControl!.NoStore);

        var pair = cookie[..cookie.IndexOf(';', StringComparison.Ordinal)];
        using var inside = await page.SendAsync("GET", "/", ("Cookie", pair));
        Assert.Equal("inside", await inside.Content.ReadAsStringAsync());
        using var spoiled = await page.SendAsync("GET", "/", ("Cookie", pair + "0"));
        Assert.Equal(HttpStatusCode.Unauthorized, spoiled.StatusCode);
        using var foreign = await page.SendAsync(
            "POST", "/", ("Cookie", pair), ("Origin", "http://evil.example"));
        Assert.Equal(HttpStatusCode.Forbidden, foreign.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/?token=wrong")]
    [InlineData("GET", "/?token=")]
    [InlineData("GET", "/?token=" + Token + "&token=" + Token)]
    [InlineData("POST", "/?token=" + Token)]
    public async Task NothingElseLogsIn(string method, string path)
    {
        await using var page = await Page.OpenAsync(Tokens.With(Token));
        using var answer = await page.SendAsync(method, path);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task ASessionOfAnotherTokenIsNone()
    {
        var other = AccessToken.Parse(Token + "0", "the test");
        await using var page = await Page.OpenAsync(Tokens.With(Token));
        using var answer = await page.SendAsync(
            "GET", "/", ("Cookie", $"distributed-session-{page.Port}={other.Session}"));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task CertificatesAreAskedForWhereThereIsNoToken()
    {
        using var authority = new TestAuthority();
        await using var closed = await Page.OpenAsync(authority.Node());
        await Assert.ThrowsAsync<HttpRequestException>(() => closed.TextAsync("/"));
        await using var open = await Page.OpenAsync(authority.Node(
            authority.Issue(), AccessToken.Parse(Token, "the test")));
        using var stranger = await open.SendAsync("GET", "/");
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        using var login = await open.SendAsync("GET", $"/?token={Token}");
        Assert.Contains(
            "secure", Assert.Single(login.Headers.GetValues("Set-Cookie")),
            StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AnOpenPortWithoutSecurityIsRefused() => Assert.Contains(
        "the dashboard at 0.0.0.0",
        (await Assert.ThrowsAsync<OperatingException>(() => WebPort.OpenAsync(
            "the dashboard", new IPEndPoint(IPAddress.Any, 0), RpcSecurity.None,
            _ => Task.CompletedTask, default))).Message,
        StringComparison.Ordinal);

    /// <summary>A server that says "inside" to whatever reaches it.</summary>
    private sealed class Page : IAsyncDisposable
    {
        private readonly WebPort _opened;
        private readonly HttpClient _client;

        private Page(WebPort opened, string scheme)
        {
            _opened = opened;
            _client = new HttpClient(new SocketsHttpHandler
            {
                UseCookies = false,
                AllowAutoRedirect = false,
                SslOptions = new SslClientAuthenticationOptions
                {
                    RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
                },
            })
            {
                BaseAddress = new Uri($"{scheme}://{opened.Address}"),
            };
        }

        public int Port => _opened.Address.Port;

        public static async Task<Page> OpenAsync(RpcSecurity security) => new(
            await WebPort.OpenAsync(
                "the page", new IPEndPoint(IPAddress.Loopback, 0), security,
                context => context.Response.WriteAsync("inside"), default),
            security.HasTls ? "https" : "http");

        public async Task<HttpResponseMessage> SendAsync(
            string method, string path, params (string Name, string Value)[] headers)
        {
            // As written: two slashes at the beginning are a path here.
            using var request = new HttpRequestMessage(
                new HttpMethod(method),
                new Uri(_client.BaseAddress!.GetLeftPart(UriPartial.Authority) + path));
            foreach (var (name, value) in headers)
                request.Headers.TryAddWithoutValidation(name, value);
            return await _client.SendAsync(request);
        }

        public async Task<string> TextAsync(string path)
        {
            using var answer = await SendAsync("GET", path);
            return await answer.Content.ReadAsStringAsync();
        }

        public async ValueTask DisposeAsync()
        {
            _client.Dispose();
            await _opened.DisposeAsync();
        }
    }
}
