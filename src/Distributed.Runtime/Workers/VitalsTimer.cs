using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Runtime.Workers;

/// <summary>
/// Samples about once a second how the process and its device are, and tells the worker's actor.
/// </summary>
internal sealed class VitalsTimer : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly IActorRef _worker;
    private readonly TrainingThread _training;
    private readonly ForwardedLog _log;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private TimeSpan _computed;
    private long _sampled;

    public VitalsTimer(
        IActorRef worker, TrainingThread training, ForwardedLog log, TimeProvider clock)
    {
        _worker = worker;
        _training = training;
        _log = log;
        _clock = clock;
        _computed = Environment.CpuUsage.TotalTime;
        _sampled = clock.GetTimestamp();
        _timer = clock.CreateTimer(_ => Sample(), null, Interval, Interval);
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>The share of so many threads that a process used of a time; at most 1.</summary>
    internal static double Utilisation(TimeSpan computed, TimeSpan elapsed, int threads) =>
        elapsed > TimeSpan.Zero
            ? Math.Clamp(computed / elapsed / Math.Max(1, threads), 0, 1)
            : 0;

    private void Sample()
    {
        _log.Flush();
        TorchRuntime? runtime = _training.Runtime;
        string device = runtime?.Device ?? "";
        int threads = runtime?.ThreadCount ?? 0;
        double utilisation;
        // After a pause of the process two calls may come at once.
        lock (_gate)
        {
            TimeSpan computed = Environment.CpuUsage.TotalTime;
            long now = _clock.GetTimestamp();
            utilisation = Utilisation(
                computed - _computed, _clock.GetElapsedTime(_sampled, now), threads);
            _computed = computed;
            _sampled = now;
        }

        (long used, long total) = DeviceMemory;
        _worker.Tell(new VitalsReported(new WorkerVitals(
            device, threads, Environment.WorkingSet, used, total, utilisation)));
    }

    /// <summary>
    /// A CPU has no memory of its own. For a CUDA device this is the place to ask the engine, once
    /// its library tells what cudaMemGetInfo does: until then it is not known.
    /// </summary>
    private static (long UsedBytes, long TotalBytes) DeviceMemory => (0, 0);
}
