using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Distributed.Collectives.Reduction;
using Distributed.Training.Step;

namespace Distributed.Runtime.Tracing;

/// <summary>
/// What a worker tells of its steps to whoever listens: metrics of all, traces of some. Where
/// nobody listens a step costs two tests and allocates nothing. Used by the training thread.
/// </summary>
/// <param name="worker">Its name.</param>
/// <param name="traceEverySteps">Steps from one that is traced to the next; the first one of a
/// generation is traced too.</param>
/// <param name="clock">Dates spans.</param>
internal sealed class StepTelemetry(string worker, int traceEverySteps, TimeProvider clock)
{
    public const int EveryStepsDefault = 100;

    public const string MeterName = "Distributed.Worker";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> Steps = Meter.CreateCounter<long>(
        "distributed.worker.steps", "{step}", "Steps that this worker took part in.");

    private static readonly Histogram<double> StepSeconds = Histogram(
        "distributed.worker.step.duration", "The whole step.");

    private static readonly Histogram<double> ComputeSeconds = Histogram(
        "distributed.worker.step.compute.duration", "From the step's begin to backward's end.");

    private static readonly Histogram<double> WaitSeconds = Histogram(
        "distributed.worker.step.wait.duration", "How long the step stood still for collectives.");

    private static readonly Histogram<double> AllReduceSeconds = Histogram(
        "distributed.worker.allreduce.duration",
        "How long a step's collectives ran, overlapped with compute or not.");

    private static readonly Counter<long> AllReduceBytes = Meter.CreateCounter<long>(
        "distributed.worker.allreduce.io", "By", "Bytes of gradient that were summed over ranks.");

    private CollectiveScope _scope = new(0, 0);
    private string _jobName = "";
    private int _rank;
    private long _gradientBytes;
    private Func<IReadOnlyList<ReductionTiming>> _reductions = () => [];
    private bool _isFirst;
    private TagList _tags;

    /// <summary>Takes a place in a generation.</summary>
    /// <param name="scope">The job and the generation.</param>
    /// <param name="jobName">For people.</param>
    /// <param name="rank">Of this worker.</param>
    /// <param name="gradientBytes">What an all-reduce sums; 0 where there is one rank.</param>
    /// <param name="reductions">Asked for the collectives' times of a step that is
    /// traced.</param>
    public void Join(
        CollectiveScope scope, string jobName, int rank, long gradientBytes,
        Func<IReadOnlyList<ReductionTiming>> reductions)
    {
        _reductions = reductions;
        _scope = scope;
        _jobName = jobName;
        _rank = rank;
        _gradientBytes = gradientBytes;
        _isFirst = true;
        _tags = new TagList
        {
            { "job.id", $"{scope.Job:x16}" },
            { "job.name", jobName },
            { "rank", rank.ToString(CultureInfo.InvariantCulture) },
        };
    }

    /// <summary>A step has just been committed.</summary>
    /// <param name="step">Its number.</param>
    /// <param name="result">With its times.</param>
    public void Stepped(long step, in StepResult result)
    {
        if (StepSeconds.Enabled)
            Measure(result);
        if (TraceSources.Training.HasListeners() && (_isFirst || step % traceEverySteps == 0))
            Trace(step, result, _reductions());
        _isFirst = false;
    }

    private void Measure(in StepResult result)
    {
        Steps.Add(1, _tags);
        StepSeconds.Record(result.StepMs / 1e3, _tags);
        ComputeSeconds.Record(result.ComputeMs / 1e3, _tags);
        WaitSeconds.Record(result.WaitMs / 1e3, _tags);
        if (_gradientBytes == 0)
            return;
        AllReduceSeconds.Record(result.CommunicationMs / 1e3, _tags);
        AllReduceBytes.Add(_gradientBytes, _tags);
    }

    /// <summary>
    /// A root for this rank, and below it the parts of the step; all are made when it is over, from
    /// times that were taken anyway.
    /// </summary>
    internal void Trace(
        long step, in StepResult result, IReadOnlyList<ReductionTiming> reductions)
    {
        DateTimeOffset start = clock.GetUtcNow() - TimeSpan.FromMilliseconds(result.StepMs);
        Activity? root = TraceSources.Span(
            "step", StepTraceId.Root(_scope.Job, step), start,
            TimeSpan.FromMilliseconds(result.StepMs),
            [
                new("job.id", $"{_scope.Job:x16}"), new("job.name", _jobName), new("step", step),
                new("generation", _scope.Generation), new("rank", _rank), new("worker", worker),
                new("loss", result.Loss), new("samples", result.Samples),
            ]);
        if (root is null)
            return;
        double reducedMs = result.ComputeMs + result.WaitMs;
        Part("forward-backward", root.Context, 0, result.ComputeMs);
        if (reductions.Count > 0)
            TraceReductions(root.Context, start, reductions, reducedMs);
        Part("optimizer", root.Context, reducedMs, result.StepMs - reducedMs);

        void Part(string name, ActivityContext parent, double fromMs, double durationMs) =>
            TraceSources.Span(
                name, parent, start + TimeSpan.FromMilliseconds(fromMs),
                TimeSpan.FromMilliseconds(durationMs));
    }

    /// <summary>The collective as a whole, from its first group's begin, and each group.</summary>
    private static void TraceReductions(
        ActivityContext root, DateTimeOffset start, IReadOnlyList<ReductionTiming> reductions,
        double reducedMs)
    {
        TimeSpan first = reductions.Min(group => group.Start);
        Activity? whole = TraceSources.Span(
            "all-reduce", root, start + first, TimeSpan.FromMilliseconds(reducedMs) - first,
            [new("bytes", reductions.Sum(group => group.Bytes))]);
        if (whole is null)
            return;
        for (int group = 0; group < reductions.Count; group++)
        {
            ReductionTiming timing = reductions[group];
            TraceSources.Span(
                "bucket", whole.Context, start + timing.Start, timing.Duration,
                [new("bucket", group), new("bytes", timing.Bytes)]);
        }
    }

    private static Histogram<double> Histogram(string name, string description) =>
        Meter.CreateHistogram(
            name, "s", description, advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries =
                    [1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
            });
}
