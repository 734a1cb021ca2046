using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Dashboard.Live;
using Distributed.Kernel;
using Distributed.Runtime.Security;

namespace Distributed.Dashboard.Tests.Live;

/// <summary>What the dashboard answers to whoever speaks HTTP to it.</summary>
public sealed class DashboardServerTests
{
    private static readonly HttpClient s_http = new(new SocketsHttpHandler { UseProxy = false });

    [Fact]
    public async Task EveryAnswerForbidsWhatThePageDoesNotNeed()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        string[] paths = ["", "app.js", "live.css", "icon.svg", "api/jobs/1/timeline", "nothing"];
        foreach (string path in paths)
        {
            using HttpResponseMessage answer =
                await s_http.GetAsync(new Uri(cluster.Server.Url, path));
            string policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
            Assert.False(answer.Headers.Contains("Server"));
            Assert.Equal(
                path == "nothing" ? HttpStatusCode.NotFound : HttpStatusCode.OK, answer.StatusCode);
        }

        using HttpResponseMessage refused =
            await s_http.PostAsync(cluster.Server.Url, new StringContent(""));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, refused.StatusCode);
    }

    [Fact]
    public async Task ANameThatWasMadeToLeadHereIsRefused()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, cluster.Server.Url);
        request.Headers.Host = "evil.example";
        using HttpResponseMessage answer = await s_http.SendAsync(request);
        Assert.Equal(HttpStatusCode.MisdirectedRequest, answer.StatusCode);
    }

    [Fact]
    public async Task AFileThatIsKnownIsNotSentAgain()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        var address = new Uri(cluster.Server.Url, "app.js");
        using HttpResponseMessage first = await s_http.GetAsync(address);
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using HttpResponseMessage second = await s_http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
    }

    [Fact]
    public async Task TheStreamTellsAllThenChangesAndGoesOnWhereItWasCut()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(3);
        await cluster.SettleAsync();
        string position;
        using (var stream = await EventReader.OpenAsync(cluster.Server.Url))
        {
            JsonNode all = await stream.NextAsync();
            Assert.True(all["isWhole"]!.GetValue<bool>());
            Assert.Equal(3, all["workers"]!.AsArray().Count);
            cluster.Tell(new UnreachableMember(
                ReplayedCluster.Member(1), "its connection broke"));
            JsonNode change = await stream.NextAsync();
            Assert.False(change["isWhole"]!.GetValue<bool>());
            JsonNode worker = Assert.Single(change["workers"]!.AsArray())!;
            Assert.Equal("w1", worker["name"]!.GetValue<string>());
            Assert.Equal("its connection broke", worker["reason"]!.GetValue<string>());
            Assert.Empty(change["jobs"]!.AsArray());
            Assert.Single(change["happenings"]!.AsArray());
            position = stream.LastId;
        }

        cluster.Tell(new ReachableMember(ReplayedCluster.Member(1), "it is heard again"));
        await cluster.SettleAsync();
        using (var stream = await EventReader.OpenAsync(cluster.Server.Url, position))
        {
            JsonNode missed = await stream.NextAsync();
            Assert.False(missed["isWhole"]!.GetValue<bool>());
            Assert.False(Assert.Single(missed["workers"]!.AsArray())!["isUnreachable"]!
                .GetValue<bool>());
            Assert.Single(missed["happenings"]!.AsArray());
        }

        // A coordinator of another process knows nothing of where it was cut.
        using (var stream = await EventReader.OpenAsync(cluster.Server.Url, "1-1-1-1-1"))
            Assert.True((await stream.NextAsync())["isWhole"]!.GetValue<bool>());
    }

    /// <summary>Goal: no name turns the text around it, or hides a part of itself.</summary>
    [Fact]
    public async Task WhatTextsOfOthersHideIsWrittenOut()
    {
        const string hostile = "a\u001b[2J\nb\u202egnp.exe\u2066\u009b\0<img onerror=x>";
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Lead();
        cluster.Join(0, hostile);
        cluster.Tell(new UnreachableMember(ReplayedCluster.Member(0, hostile), hostile));
        cluster.Tell(new JobObserved(
            ReplayedCluster.Job, ReplayedCluster.Describe(hostile, 1), 0));
        await cluster.SettleAsync();
        using var stream = await EventReader.OpenAsync(cluster.Server.Url);
        JsonNode all = await stream.NextAsync();
        const string shown =
            @"a\u001b[2J\nb\u202egnp.exe\u2066\u009b\u0000<img onerror=x>";
        JsonNode worker = all["workers"]![0]!;
        Assert.Equal(shown, worker["name"]!.GetValue<string>());
        Assert.Equal(shown, worker["reason"]!.GetValue<string>());
        Assert.Equal(shown, all["jobs"]![0]!["name"]!.GetValue<string>());
        Assert.All(
            all["happenings"]!.AsArray(), happening => Assert.DoesNotContain(
                $"{happening!["subject"]}{happening["text"]}",
                letter => char.IsControl(letter) || letter is '\u202e' or '\u2066'));
    }

    [Fact]
    public async Task ManyChangesBecomeFewFrames()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.Begin(8);
        await cluster.SettleAsync();
        using var stream = await EventReader.OpenAsync(cluster.Server.Url);
        await stream.NextAsync();
        cluster.Advance(500);
        await cluster.SettleAsync();
        JsonNode frame;
        int frames = 0;
        do
        {
            frame = await stream.NextAsync();
            frames++;
        }
        while (frame["jobs"]!.AsArray() is not [{ } job] || job["step"]!.GetValue<long>() < 500);
        // Told in 1,000 pieces; how many frames depends on how long the taking in took.
        Assert.InRange(frames, 1, 200);
    }

    [Fact]
    public async Task TrialsComeInPartsAndThenAsChanges()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        cluster.BeginSweep(25, 30);
        await cluster.SettleAsync();
        var address = new Uri(
            cluster.Server.Url, $"api/sweeps/{ReplayedCluster.Sweep:x16}/trials");
        JsonNode first = await JsonAsync($"{address}?count=20");
        Assert.Equal(20, first["numbers"]!.AsArray().Count);
        Assert.Equal(20, first["next"]!.GetValue<int>());
        JsonNode rest = await JsonAsync($"{address}?count=20&from=20");
        Assert.Equal(5, rest["numbers"]!.AsArray().Count);
        Assert.Null(rest["next"]);
        Assert.Equal("the loss is NaN <b>here</b>", rest["reasons"]!["4"]!.GetValue<string>());
        Assert.Null(rest["values"]![0]![4]);
        cluster.AddTrial(25);
        await cluster.SettleAsync();
        JsonNode change = await JsonAsync($"{address}?since={first["version"]}");
        Assert.Equal(25, Assert.Single(change["numbers"]!.AsArray())!.GetValue<int>());
    }

    [Fact]
    public async Task ATakenPortIsAnErrorThatNamesTheKeyUnlessAnyOtherWillDo()
    {
        await using ReplayedCluster cluster = await ReplayedCluster.StartAsync();
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        string taken = holder.LocalEndpoint.ToString()!;
        OperatingException refused = await Assert.ThrowsAsync<OperatingException>(
            () => DashboardServer.StartAsync(
                taken, cluster.Model, RpcSecurity.None, TimeProvider.System));
        Assert.Contains("dashboard.port", refused.Message, StringComparison.Ordinal);
        Assert.Contains(taken, refused.Message, StringComparison.Ordinal);
        await using DashboardServer other = await DashboardServer.StartAsync(
            taken, cluster.Model, RpcSecurity.None, TimeProvider.System, takesAnyPort: true);
        Assert.NotEqual(taken, other.Address.ToString());
        Assert.Contains(
            "Cluster", await s_http.GetStringAsync(other.Url), StringComparison.Ordinal);
    }

    private static async Task<JsonNode> JsonAsync(string address) =>
        JsonNode.Parse(await s_http.GetStringAsync(new Uri(address)))!;

    /// <summary>Reads server-sent events.</summary>
    private sealed class EventReader(HttpResponseMessage response, StreamReader reader)
        : IDisposable
    {
        public string LastId { get; private set; } = "";

        public static async Task<EventReader> OpenAsync(Uri page, string? after = null)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, new Uri(page, "api/events"));
            if (after is not null)
                request.Headers.Add("Last-Event-ID", after);
            HttpResponseMessage response = await s_http.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
            return new EventReader(
                response, new StreamReader(await response.Content.ReadAsStreamAsync()));
        }

        /// <summary>The next frame; heartbeats are passed over.</summary>
        public async Task<JsonNode> NextAsync()
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (await reader.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.StartsWith("id: ", StringComparison.Ordinal))
                    LastId = line[4..];
                if (line.StartsWith("data: {", StringComparison.Ordinal))
                    return JsonNode.Parse(line[6..])!;
            }

            throw new InvalidOperationException("the stream has ended");
        }

        public void Dispose()
        {
            reader.Dispose();
            response.Dispose();
        }
    }
}
