using System.Diagnostics;
using System.Threading.Channels;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Recording;
using Distributed.Training.Specification;

namespace Distributed.Cli.Bench;

/// <summary>
/// `bench metrics`: what it costs a coordinator to write 10,000 points a second into metrics.jsonl
/// and the event file, made durable four times a second as in a run.
/// </summary>
internal sealed class MetricsBench(BenchOutput output, CancellationToken cancellation)
{
    /// <summary>Of a step: loss, accuracy, learning rate.</summary>
    private const int PointsOfStep = 3;

    /// <summary>Of a rank other than 0: compute, communication, wait.</summary>
    private const int PointsOfTimes = 3;

    private const int TicksPerSecond = 20;
    private const int CommitTicks = 5;
    private const int StepsPerTick = 50;
    private const int ReportsPerTick = 117;
    private const int StepsPerEpoch = 1000;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1.0 / TicksPerSecond);

    public async Task RunAsync(int rounds, double seconds)
    {
        var table = new FigureTable(output, "Recording metrics");
        var shares = new List<double>();
        var rates = new List<double>();
        string folder = Directory.CreateTempSubdirectory("distributed-bench-").FullName;
        try
        {
            // The first one compiles the methods.
            for (int round = 0; round <= rounds; round++)
            {
                output.Progress($"round {round} of {rounds}");
                (double rate, double share) = await RecordAsync(
                    Directory.CreateDirectory(Path.Combine(folder, $"run-{round}")).FullName,
                    round == 0 ? Math.Min(seconds, 2) : seconds);
                if (round > 0)
                {
                    rates.Add(rate);
                    shares.Add(100 * share);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        table.Add("points written", "points/s", rates);
        table.Add("processor time, of one core", "percent", shares);
        table.Show();
    }

    private async Task<(double PointsPerSecond, double CpuShare)> RecordAsync(
        string folder, double seconds)
    {
        var job = new Recorder();
        var recorder = new RunRecorder(TimeProvider.System);
        recorder.Begin(Describe(folder), job);
        recorder.Commit(0);
        await job.Durable(0, cancellation);
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        long started = Stopwatch.GetTimestamp();
        int ticks = (int)(seconds * TicksPerSecond);
        for (int tick = 0; tick < ticks; tick++)
        {
            Write(recorder, tick);
            if (tick % CommitTicks == CommitTicks - 1)
                recorder.Commit(tick + 1);
            TimeSpan early = Tick * (tick + 1) - Stopwatch.GetElapsedTime(started);
            if (early > TimeSpan.Zero)
                await Task.Delay(early, cancellation);
        }

        recorder.Commit(ticks + 1);
        await job.Durable(ticks + 1, cancellation);
        double elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double cpu = (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds;
        recorder.End(null);
        await recorder.Completion;
        int points = ticks * (StepsPerTick * PointsOfStep + ReportsPerTick * PointsOfTimes);
        return (points / elapsed, cpu / elapsed);
    }

    private static void Write(RunRecorder recorder, int tick)
    {
        StepRecord[] steps =
        [
            .. Enumerable.Range(1, StepsPerTick).Select(number => new StepRecord(
                (long)tick * StepsPerTick + number, 2.3 / number, number, 64, 1e-3, 10.5, 2.25, 0.5,
                11.0)),
        ];
        recorder.Steps(steps);
        for (int report = 0; report < ReportsPerTick; report++)
        {
            int rank = report + 1;
            recorder.Times(
                new ReportOrigin((ulong)rank, tick + 1, rank),
                new StepsCommitted(Job: 1, Generation: 1, rank, steps, LongestGapMs: 11));
        }
    }

    private static JobDescription Describe(string folder) => new(
        "bench", RunSpecReader.Read("", "bench", ["dataset.name=mnist"]).ToYaml(), folder,
        WorkerCount: 2, MinWorkers: 1, LogicalShards: 4, ReductionOrder.Exact, GlobalBatch: 64,
        TrainSamples: StepsPerEpoch * 64, TestBatches: 1,
        new StepSchedule(1_000_000, StepsPerEpoch, StepsPerEpoch, StepsPerEpoch), StartStep: 0,
        CheckpointFolder: "", Numerics: "", StepsRedone: 0, Commit: "");

    /// <summary>In the job's place: hears what is durable, and whether writing failed.</summary>
    private sealed class Recorder : IActorRef
    {
        private readonly Channel<object> _told = Channel.CreateUnbounded<object>();

        public string Path => "/bench/job";

        public void Tell(object message, IActorRef? sender = null) =>
            _told.Writer.TryWrite(message);

        public async Task Durable(long mark, CancellationToken cancellation)
        {
            while (true)
            {
                switch (await _told.Reader.ReadAsync(cancellation))
                {
                    case RecordingDurable durable when durable.Mark >= mark:
                        return;
                    case RecordingFailed failed:
                        throw new OperatingException(failed.Message);
                }
            }
        }
    }
}
