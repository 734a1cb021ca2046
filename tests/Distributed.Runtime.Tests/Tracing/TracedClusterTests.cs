using System.Threading.Channels;
using Distributed.Cluster.Configuration;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Metrics;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;
using Distributed.Runtime.Tests.Workers;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Trace.V1;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Tracing;

/// <summary>
/// Goal: the spans of one step, made by workers that have told each other nothing of it, meet in
/// one trace. Method: a cluster in this process, over real connections, whose spans and metrics a
/// collector takes through OpenTelemetry's own exporter. That drops what many runs at a time tell,
/// so no other test runs meanwhile.
/// </summary>
[Collection(WholeProcessCollection.Name)]
public sealed class TracedClusterTests : IDisposable
{
    private const int LogicalShards = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly ITestOutputHelper _output;
    private readonly string _folder = Directory.CreateTempSubdirectory("traced-tests-").FullName;

    public TracedClusterTests(ITestOutputHelper output)
    {
        _output = output;
        TestImages.Write(Path.Combine(_folder, "images"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.Http)]
    public async Task AStepOfThreeWorkersIsOneTraceAndARegroupingLinksToIt(OtlpProtocol protocol)
    {
        await using OtlpReceiver receiver = protocol == OtlpProtocol.Grpc
            ? await OtlpReceiver.StartGrpcAsync()
            : await OtlpReceiver.StartHttpAsync();
        ulong job;
        using (OtlpExport.Start(
            new OtlpSettings { Endpoint = receiver.Endpoint, Protocol = protocol }, "test", "t1"))
        {
            job = await TrainAsync();
        }

        Span[] spans = [.. receiver.Spans.Where(span => IsOf(span, job, receiver.Spans))];
        AssertStepsAreTraces(spans);
        AssertRegroupingLinks(spans);
        Assert.Contains("distributed.worker.step.duration", receiver.Metrics);
        Assert.Contains("distributed.worker.allreduce.io", receiver.Metrics);
        Assert.Contains(receiver.Resources, resource => resource.Attributes.Any(
            attribute => attribute.Key == "service.instance.id"
                && attribute.Value.StringValue == "t1"));
    }

    /// <summary>Three workers, of which one leaves; stopped when the others have gone on.</summary>
    private async Task<ulong> TrainAsync()
    {
        await using CoordinatorNode coordinator = await CoordinatorNode.StartAsync(
            "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
            Patient.Coordinator, Patience, RpcSecurity.None, _ => { }, CancellationToken.None);
        string[] seeds = [coordinator.Address];
        await using RunningWorker w0 = await RunningWorker.StartAsync("w0", seeds);
        await using RunningWorker w1 = await RunningWorker.StartAsync("w1", seeds);
        await using RunningWorker w2 = await RunningWorker.StartAsync("w2", seeds);
        using var client = new CoordinatorClient(RpcSecurity.None, seeds);
        while (await client.IdleWorkerCountAsync(CancellationToken.None) < 3)
            await Task.Delay(LookAgain);
        Channel<RunEvent> events = Channel.CreateUnbounded<RunEvent>();
        Task watch = Task.Run(async () =>
        {
            await foreach (RunEvent happened in client.RunAsync(
                BegunRun.Of(Description()), Patience, CancellationToken.None))
                events.Writer.TryWrite(happened);
        });

        ulong job = (await UntilAsync<JobAccepted>(events)).Job;
        await UntilAsync<StepCommitted>(events, step => step.Step > 30);
        await w2.LeaveAsync();
        GenerationRunning running = await UntilAsync<GenerationRunning>(events);
        await UntilAsync<StepCommitted>(events, step => step.Step > running.Step + 20);
        Assert.True(await client.StopAsync(job, "the test has seen enough", default));
        await UntilAsync<RunInterrupted>(events);
        await watch.WaitAsync(Patience);
        return job;
    }

    /// <summary>Other tests of this process may train meanwhile.</summary>
    private static bool IsOf(Span span, ulong job, IReadOnlyList<Span> all)
    {
        while (span.ParentSpanId.Length > 0)
        {
            Span child = span;
            span = all.Single(other => other.SpanId == child.ParentSpanId);
            Assert.Equal(span.TraceId, child.TraceId);
        }

        return Text(span, "job.id") == $"{job:x16}";
    }

    private void AssertStepsAreTraces(Span[] spans)
    {
        List<Span> roots = [.. spans.Where(span => span.Name == "step")];
        Assert.All(roots, root => Assert.Equal(0, root.ParentSpanId.Length));
        var steps = roots.GroupBy(root => Number(root, "step")).ToList();
        Assert.All(steps, step => Assert.Single(step.Select(root => root.TraceId).Distinct()));
        Assert.Equal(steps.Count, roots.Select(root => root.TraceId).Distinct().Count());
        var first = steps.OrderBy(step => step.Key).First();
        Assert.Equal(1, first.Key);
        Assert.Equal([0, 1, 2], first.Select(root => Number(root, "rank")).Order());
        Assert.Equal(["w0", "w1", "w2"], first.Select(root => Text(root, "worker")).Order());
        Assert.Equal([1, 1, 1], first.Select(root => Number(root, "generation")));
        foreach (Span root in roots)
            AssertParts(root, spans);
        foreach (Span root in first)
            Show(root, spans, "");
    }

    private static void AssertParts(Span root, Span[] spans)
    {
        Span[] parts = [.. spans.Where(span => span.ParentSpanId == root.SpanId)];
        Assert.Equal(
            ["all-reduce", "forward-backward", "optimizer"],
            parts.Select(part => part.Name).Order());
        Span whole = parts.Single(part => part.Name == "all-reduce");
        Span[] buckets = [.. spans.Where(span => span.ParentSpanId == whole.SpanId)];
        Assert.NotEmpty(buckets);
        Assert.All(buckets, bucket => Assert.Equal("bucket", bucket.Name));
        Assert.Equal(
            Number(whole, "bytes"), buckets.Sum(bucket => Number(bucket, "bytes")));
    }

    private void AssertRegroupingLinks(Span[] spans)
    {
        Span regroup = spans.Single(span => span.Name == "regroup"
            && Number(span, "generation") == 2);
        Show(regroup, spans, "");
        Assert.Equal(
            ["agree", "restore", "first-step"],
            spans.Where(span => span.ParentSpanId == regroup.SpanId)
                .Select(span => span.Name));
        Span.Types.Link link = Assert.Single(regroup.Links);
        Assert.Contains(spans, span => span.Name == "step" && span.TraceId == link.TraceId
            && Number(span, "generation") == 2);
    }

    private void Show(Span span, Span[] spans, string indent)
    {
        string attributes = string.Join(
            " ", span.Attributes.Select(one => $"{one.Key}={Written(one.Value)}"));
        double ms = (span.EndTimeUnixNano - span.StartTimeUnixNano) / 1e6;
        _output.WriteLine($"{indent}{span.Name} {ms:0.000} ms {attributes}");
        foreach (Span child in spans.Where(other => other.ParentSpanId == span.SpanId)
            .OrderBy(child => child.StartTimeUnixNano))
            Show(child, spans, indent + "  ");
    }

    private static string Written(AnyValue value) =>
        value.HasStringValue ? value.StringValue
        : value.HasIntValue ? $"{value.IntValue}"
        : $"{value.DoubleValue:0.###}";

    private static string Text(Span span, string key) =>
        span.Attributes.SingleOrDefault(one => one.Key == key)?.Value.StringValue ?? "";

    private static long Number(Span span, string key) =>
        span.Attributes.Single(one => one.Key == key).Value.IntValue;

    private static async Task<T> UntilAsync<T>(
        Channel<RunEvent> events, Func<T, bool>? isIt = null)
        where T : RunEvent
    {
        while (true)
        {
            RunEvent happened = await events.Reader.ReadAsync().AsTask().WaitAsync(Patience);
            Assert.IsNotType<RunFailed>(happened);
            if (happened is T wanted && isIt?.Invoke(wanted) != false)
                return wanted;
        }
    }

    private JobDescription Description() => new(
        "traced",
        $$"""
        dataset: {name: {{Path.Combine(_folder, "images")}}}
        globalBatch: 32
        logicalShards: {{LogicalShards}}
        steps: 1000000
        schedule: constant
        transport: grpc
        model:
          layers: [conv: {filters: 4, kernel: 3}, batchNorm, relu, maxPool: 4, flatten,
            dropout: 0.2, linear: classes]
        """,
        _folder, 3, 2, LogicalShards, ReductionOrder.Exact, 32, TestImages.TrainSamples, 1,
        new StepSchedule(1_000_000, 4, 40, 10), 0, "", "", 0, "");
}
