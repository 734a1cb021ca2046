using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Distributed.Runtime.Metrics;

/// <summary>How long the calls of a cluster's store last.</summary>
/// <param name="scope">Of the meter: tells one coordinator's of another's in a process.</param>
internal sealed class StoreMetrics(object scope) : IDisposable
{
    private readonly Meter _meter = new(
        new MeterOptions("Distributed.Store") { Scope = scope });

    private Histogram<double>? _duration;

    /// <param name="operation">Of a few.</param>
    /// <param name="started">A time stamp of <see cref="Stopwatch"/>.</param>
    /// <param name="isDone">False where the store failed.</param>
    public void Called(string operation, long started, bool isDone)
    {
        _duration ??= Create();
        if (!_duration.Enabled)
            return;
        _duration.Record(
            Stopwatch.GetElapsedTime(started).TotalSeconds,
            new KeyValuePair<string, object?>("operation", operation),
            new KeyValuePair<string, object?>("outcome", isDone ? "done" : "failed"));
    }

    public void Dispose() => _meter.Dispose();

    private Histogram<double> Create() => _meter.CreateHistogram(
        "distributed.store.call.duration", "s", "Of a call to the store, without its waiting.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries =
                [5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
        });
}
