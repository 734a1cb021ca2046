using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Devices;
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
    private readonly DeviceChooser _devices;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private TimeSpan _computed;
    private long _sampled;
    private int _sampling;

    public VitalsTimer(
        IActorRef worker, TrainingThread training, ForwardedLog log, DeviceChooser devices,
        TimeProvider clock)
    {
        _devices = devices;
        _worker = worker;
        _training = training;
        _log = log;
        _clock = clock;
        _computed = Environment.CpuUsage.TotalTime;
        _sampled = clock.GetTimestamp();
        _timer = clock.CreateTimer(_ => SampleAlone(), null, Interval, Interval);
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>The share of so many threads that a process used of a time; at most 1.</summary>
    internal static double Utilisation(TimeSpan computed, TimeSpan elapsed, int threads) =>
        elapsed > TimeSpan.Zero
            ? Math.Clamp(computed / elapsed / Math.Max(1, threads), 0, 1)
            : 0;

    /// <summary>A driver whose GPU is lost may take longer to answer than the
    /// interval.</summary>
    private void SampleAlone()
    {
        if (Interlocked.Exchange(ref _sampling, 1) != 0)
            return;
        try
        {
            Sample();
        }
        finally
        {
            Volatile.Write(ref _sampling, 0);
        }
    }

    private void Sample()
    {
        _log.Flush();
        TorchRuntime? runtime = _training.Runtime;
        string device = runtime?.Device ?? "";
        int threads = runtime?.ThreadCount ?? 0;
        TimeSpan computed = Environment.CpuUsage.TotalTime;
        long now = _clock.GetTimestamp();
        double utilisation = Utilisation(
            computed - _computed, _clock.GetElapsedTime(_sampled, now), threads);
        _computed = computed;
        _sampled = now;

        (DeviceSample Sample, string? Lost)? looked = _devices.Sample(device);
        _worker.Tell(new VitalsReported(Vitals(
            device, threads, Environment.WorkingSet, utilisation, looked?.Sample)));
        // A command that hangs on a lost device would never tell.
        if (looked?.Lost is { } lost)
            _training.Lose(lost);
    }

    /// <summary>A CPU has no memory of its own, and is used as much as its process
    /// does.</summary>
    internal static WorkerVitals Vitals(
        string device, int threads, long memoryBytes, double utilisation, DeviceSample? sample) =>
        new(
            device, threads, memoryBytes, sample?.UsedBytes ?? 0, sample?.TotalBytes ?? 0,
            sample?.Utilisation ?? utilisation);
}
