using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Coordination;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>
/// A run that several jobs bring to its end, each up to a step on which all had agreed before.
/// </summary>
public sealed class TrialLegTests : IDisposable
{
    private const int LogicalShards = 4;
    private const long StepsPerEpoch = 4;
    private const long StepsTotal = 11;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ITestOutputHelper _output;
    private readonly string _folder = Directory.CreateTempSubdirectory("leg-tests-").FullName;

    public TrialLegTests(ITestOutputHelper output)
    {
        _output = output;
        TestImages.Write(Path.Combine(_folder, "images"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task LegsHaveTheBitsAndTheMetricsOfTheRunInOneGo()
    {
        await using CoordinatorNode coordinator = await CoordinatorNode.StartAsync(
            "127.0.0.1:0", port => $"127.0.0.1:{port}", Path.Combine(_folder, "cluster.db"),
            Patient.Coordinator, Patience, RpcSecurity.None, _ => { },
            CancellationToken.None);
        string[] seeds = [coordinator.Address];
        await using RunningWorker first = await RunningWorker.StartAsync("w0", seeds);
        await using RunningWorker second = await RunningWorker.StartAsync("w1", seeds);
        using var client = new CoordinatorClient(RpcSecurity.None, seeds);

        List<RunEvent> whole = await RunAsync(client, Description("whole"));
        var expected = Assert.IsType<RunCompleted>(whole[^1]);

        var legs = new List<RunEvent>();
        long start = 0;
        string checkpoint = "";
        // Within an epoch, at an epoch's end, where nothing is left to do, and within another one.
        foreach (long stop in (long[])[2, StepsPerEpoch, StepsPerEpoch, 7])
        {
            List<RunEvent> leg = await RunAsync(
                client, Description("legs", stop, start, checkpoint));
            var interrupted = Assert.IsType<RunInterrupted>(leg[^1]);
            Assert.Equal(stop, interrupted.Step);
            Assert.Equal(stop < StepsPerEpoch ? null : 1, interrupted.LastEpoch?.Epoch);
            checkpoint = leg.OfType<CheckpointSaved>().LastOrDefault(
                saved => saved.Step == stop)?.Path ?? checkpoint;
            start = stop;
            legs.AddRange(leg);
        }

        legs.AddRange(await RunAsync(client, Description("legs", 0, start, checkpoint)));
        var completed = Assert.IsType<RunCompleted>(legs[^1]);
        Assert.Equal(expected.ParametersSha256, completed.ParametersSha256);
        Assert.Equal(StepsTotal, completed.Steps);
        Assert.Equal(Epochs(whole), Epochs(legs));
        Assert.Equal(Epochs(legs)[0], Epochs(
            [.. legs.OfType<RunInterrupted>().Select(end => end.LastEpoch).OfType<RunEvent>()])[0]);
    }

    /// <summary>All but how long they took.</summary>
    private static EpochCompleted[] Epochs(IEnumerable<RunEvent> events) =>
        [.. events.OfType<EpochCompleted>().Select(epoch => epoch with { Seconds = 0 })];

    private async Task<List<RunEvent>> RunAsync(CoordinatorClient client, JobDescription job)
    {
        var events = new List<RunEvent>();
        await foreach (RunEvent happened in client.RunAsync(
            BegunRun.Of(job), Patience, CancellationToken.None))
        {
            _output.WriteLine($"{happened}");
            events.Add(happened);
        }

        return events;
    }

    private JobDescription Description(
        string run, long stopAfter = 0, long start = 0, string checkpoint = "") => new(
        run,
        $$"""
        dataset: {name: {{Path.Combine(_folder, "images")}}}
        globalBatch: 32
        logicalShards: {{LogicalShards}}
        steps: {{StepsTotal}}
        schedule: cosine
        transport: grpc
        model:
          layers: [conv: {filters: 4, kernel: 3}, batchNorm, relu, maxPool: 4, flatten,
            dropout: 0.2, linear: classes]
        """,
        Directory.CreateDirectory(Path.Combine(_folder, run)).FullName, 2, 1, LogicalShards,
        ReductionOrder.Exact, 32, TestImages.TrainSamples, 1,
        new StepSchedule(StepsTotal, StepsPerEpoch, 40, 0, stopAfter), start, checkpoint, "", 0,
        "");
}
