using System.Diagnostics;
using System.Net;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Metrics;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Metrics;

/// <summary>What Prometheus reads from a coordinator.</summary>
public sealed class MetricsTests : IAsyncLifetime
{
    private const ulong Job = 0xA;
    private const string JobLabels = "job_id=\"000000000000000a\",job_name=\"run\"";

    private readonly ITestOutputHelper _output;
    private readonly StepClock _clock = new();
    private readonly object _scope = new();
    private readonly ClusterReadModel _model = new("127.0.0.1:4053", TimeProvider.System);
    private readonly PrometheusCollector _collector;
    private readonly ClusterMetrics _metrics;

    public MetricsTests(ITestOutputHelper output)
    {
        _output = output;
        _collector = new PrometheusCollector(_scope);
        _metrics = new ClusterMetrics(_model, _scope, _clock);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _metrics.Dispose();
        _collector.Dispose();
        await _model.DisposeAsync();
    }

    [Fact]
    public async Task AJobIsToldWithItsRanksAndIsGoneWhenItHasEnded()
    {
        await TellAsync(
            [
                .. Enumerable.Range(0, 2).SelectMany(Joined), .. Running(Job, sweep: 0, 0, 1),
                new JobHappened(Job, new StepCommitted(5, 8, 2, 2, 0.25, 640)),
                new StepsObserved(
                    Job, 1, 1, 1, [new StepRecord(5, 0.25, 3, 64, 0.1, 2, 1, 0.5, 4)]),
                new VitalsObserved(1, new WorkerVitals("cuda:0", 1, 1 << 20, 512, 1024, 0.5)),
            ]);

        PrometheusPage page = Scrape();
        Assert.Equal(5, page[$"distributed_job_steps_total{{{JobLabels}}}"]);
        // Four steps are an epoch of 200 samples, the fifth has a batch of 64.
        Assert.Equal(264, page[$"distributed_job_samples_total{{{JobLabels}}}"]);
        Assert.Equal(0.25, page[$"distributed_job_loss{{{JobLabels}}}"]);
        Assert.Equal(640, page[$"distributed_job_throughput_per_second{{{JobLabels}}}"]);
        string rank = $"{{{JobLabels},rank=\"1\",worker=\"w1\"}}";
        Assert.Equal(0.004, page[$"distributed_rank_step_duration_seconds{rank}"]);
        Assert.Equal(0.002, page[$"distributed_rank_step_compute_duration_seconds{rank}"]);
        Assert.Equal(0.001, page[$"distributed_rank_allreduce_duration_seconds{rank}"]);
        Assert.Equal(0.0005, page[$"distributed_rank_step_wait_duration_seconds{rank}"]);
        Assert.Equal(2, page["distributed_cluster_workers{status=\"Up\"}"]);
        Assert.Equal(1 << 20, page["distributed_worker_memory_usage_bytes{worker=\"w1\"}"]);
        Assert.Equal(512, page["distributed_worker_device_memory_usage_bytes{worker=\"w1\"}"]);
        Assert.Equal(0, page["distributed_read_model_dropped_total"]);
        Assert.Contains(page.Families.Keys, name => name.StartsWith("dotnet_process"));

        await TellAsync([new JobHappened(Job, new RunFailed(1, "no space is left"))]);
        Assert.DoesNotContain(Scrape().Samples.Keys, series => series.Contains("job_id"));
    }

    /// <summary>Goal: a sweep of any size adds no series for each of its trials.</summary>
    [Fact]
    public async Task TheJobsOfTrialsAreCountedAndNotTold()
    {
        await TellAsync([.. Joined(0), .. Running(Job, sweep: 9, 0)]);

        PrometheusPage page = Scrape();
        Assert.Equal(1, page["distributed_cluster_jobs"]);
        Assert.DoesNotContain(page.Samples.Keys, series => series.Contains("job_id"));
    }

    [Fact]
    public async Task ARestartIsCountedAndItsTwoLivesAreTwoSeries()
    {
        await TellAsync([.. Joined(0)]);
        MemberIdentity again = Member(0) with { Incarnation = 77 };
        await TellAsync(
            [
                new UnreachableMember(Member(0), "silent"),
                new MemberJoined(again, "it came"), new MemberUp(again, "it came"),
                Vitals(0), Vitals(77), new MemberDowned(Member(0), "silent for long"),
            ]);

        PrometheusPage page = Scrape();
        Assert.Equal(1, page["distributed_cluster_worker_restarts_total"]);
        Assert.Equal(2, page["distributed_cluster_worker_joins_total"]);
        Assert.Equal(1, page["distributed_cluster_worker_losses_total"]);
        string[] lives =
        [
            .. page.Samples.Keys.Where(
                series => series.StartsWith("distributed_worker_memory_usage_bytes")),
        ];
        Assert.Equal(2, lives.Length);
    }

    [Fact]
    public async Task ANameCanSayNothingThatIsNotItsOwn()
    {
        MemberIdentity sly = Member(0) with { Name = "a\"} 1\nup{x=\"\\\u001B[2J\u202E" };
        await TellAsync([new MemberJoined(sly, ""), new MemberUp(sly, ""), Vitals(0)]);

        Assert.Contains(
            "distributed_worker_memory_usage_bytes{worker="
                + "\"a\\\"} 1\\nup{x=\\\"\\\\\\\\u001b[2J\\\\u202e\"}",
            Scrape().Samples.Keys);
    }

    /// <summary>Goal: what asking costs on a large cluster. Reported, and not judged.</summary>
    [Fact]
    public async Task AThousandWorkersAreToldInOneAnswer()
    {
        const int Workers = 1000;
        int[] all = [.. Enumerable.Range(0, Workers)];
        await TellAsync([.. all.SelectMany(Joined), .. Running(Job, sweep: 0, all)]);
        await TellAsync([.. all.Select(Vitals)]);
        PrometheusPage page = Scrape();
        Assert.Equal(Workers, page.Samples.Keys.Count(
            series => series.StartsWith("distributed_rank_step_duration_seconds{")));

        var times = new List<double>();
        int bytes = 0;
        for (int round = 0; round < 20; round++)
        {
            _clock.Step();
            long started = Stopwatch.GetTimestamp();
            bytes = _collector.Collect().Length;
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        times.Sort();
        _output.WriteLine(
            $"{Workers} workers: {page.Samples.Count} samples, {bytes} characters, median "
            + $"{times[times.Count / 2]:0.0} ms, fastest {times[0]:0.0} ms");
    }

    [Fact]
    public async Task ACoordinatorAnswersOverHttpAndNamesTheKeyOfATakenPort()
    {
        string folder = Directory.CreateTempSubdirectory("metrics-tests-").FullName;
        await using CoordinatorNode node = await CoordinatorNode.StartAsync(
            "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(folder, "cluster.db"),
            Patient.Coordinator, TimeSpan.FromSeconds(60), RpcSecurity.None, _ => { },
            CancellationToken.None);
        await using MetricsServer server = await StartAsync("127.0.0.1:0", orAnyPort: false);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{server.Address}") };
        using var client = new CoordinatorClient(RpcSecurity.None, node.Address);
        await client.StatusAsync(CancellationToken.None);
        // A machine that is busy may not get to count the actors for the first answers, and what
        // the store did before the port was open is not told.
        const string renewals = "distributed_store_call_duration_seconds_count"
            + "{operation=\"renew-lease\",outcome=\"done\"}";
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        string early = "";
        while (!early.Contains("distributed_actors_count{", StringComparison.Ordinal)
            || !early.Contains(renewals, StringComparison.Ordinal))
        {
            await Task.Delay(100, patience.Token);
            early = await http.GetStringAsync(MetricsServer.Path, patience.Token);
        }

        using HttpResponseMessage answer = await http.GetAsync(MetricsServer.Path);
        string text = await answer.Content.ReadAsStringAsync();
        _output.WriteLine(text);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            "text/plain; version=0.0.4; charset=utf-8", $"{answer.Content.Headers.ContentType}");
        PrometheusPage page = PrometheusPage.Read(text);
        Assert.Equal(1, page["distributed_actors_count{actor_type=\"CoordinatorActor\"}"]);
        Assert.Equal(0, page["distributed_actors_dead_letters_total{reason=\"MailboxFull\"}"]);
        Assert.True(page[renewals] >= 1);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/")).StatusCode);
        using HttpResponseMessage posted = await http.PostAsync(MetricsServer.Path, null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);

        var taken = await Assert.ThrowsAsync<OperatingException>(
            () => StartAsync($"{server.Address}", orAnyPort: false));
        Assert.Contains($"{server.Address}", taken.Message);
        Assert.Contains("--set metrics.port=0", taken.Message);
        await using MetricsServer other = await StartAsync($"{server.Address}", orAnyPort: true);
        Assert.NotEqual(server.Address.Port, other.Address.Port);
        AssertPromtoolAccepts(text);

        Task<MetricsServer> StartAsync(string address, bool orAnyPort) =>
            MetricsServer.StartAsync(node, address, orAnyPort, CancellationToken.None);
    }

    /// <summary>Prometheus's own reader, where it is installed.</summary>
    private void AssertPromtoolAccepts(string text)
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, "promtool"))))
        {
            _output.WriteLine("NOT TESTED: promtool is not installed (apt install prometheus)");
            return;
        }

        using Process promtool = Process.Start(new ProcessStartInfo("promtool", "check metrics")
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        promtool.StandardInput.Write(text);
        promtool.StandardInput.Close();
        _output.WriteLine(promtool.StandardError.ReadToEnd());
        promtool.WaitForExit();
        // 3 is advice about names, which .NET's own metrics do not take.
        Assert.Contains(promtool.ExitCode, new[] { 0, 3 });
    }

    private PrometheusPage Scrape()
    {
        _clock.Step();
        return PrometheusPage.Read(_collector.Collect());
    }

    /// <summary>Returns when all of it is in the views.</summary>
    private async Task TellAsync(object[] told)
    {
        long version = _model.Version;
        foreach (object one in told)
            _model.Tell(one);
        while (_model.Version < version + told.Length)
            await _model.ChangedAsync(_model.Version, CancellationToken.None);
    }

    private static IEnumerable<object> Joined(int number) =>
        [new MemberJoined(Member(number), "it came"), new MemberUp(Member(number), "it came")];

    private static object[] Running(ulong job, ulong sweep, params int[] workers) =>
    [
        new JobObserved(job, Description(), sweep),
        .. workers.Select(worker => new WorkerObserved(
            Identity(worker), job, "Running", 0, "cpu", "")),
        new GenerationObserved(
            new Generation(
                job, 1,
                [
                    .. workers.Select((worker, rank) => new RankAssignment(
                        rank, Identity(worker), new ShardRange(rank, rank + 1))),
                ],
                new StartPoint(0, 0, 0, "")),
            "they are prepared"),
    ];

    private static VitalsObserved Vitals(int incarnation) =>
        new((ulong)incarnation, new WorkerVitals("cpu", 1, 1 << 20, 0, 0, 0.5));

    private static MemberIdentity Member(int number) =>
        new($"w{number}", (ulong)number, $"127.0.0.1:{5000 + number}", []);

    private static WorkerIdentity Identity(int number) =>
        new($"w{number}", (ulong)number, "host", 1, $"127.0.0.1:{5000 + number}", []);

    private static JobDescription Description() => new(
        "run", "", "/runs/run", 2, 1, 8, ReductionOrder.Exact, 64, 200, 1,
        new StepSchedule(8, 4, 0, 0), 0, "", "", 0, "");

    /// <summary>Every scrape is of another moment, however fast they come.</summary>
    private sealed class StepClock : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _seconds;

        public void Step() => _seconds++;
    }
}
