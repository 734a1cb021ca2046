using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Membership;

/// <summary>
/// Says how improbable a peer's silence is, from the intervals between its heartbeats (Hayashibara
/// et al., "The φ accrual failure detector", 2004), with Akka's logistic approximation of the
/// normal distribution and its settings. Times are monotonic nanoseconds.
/// </summary>
internal sealed class PhiAccrualDetector
{
    private readonly FailureDetectorSettings settings;
    private readonly double[] intervalsMs;
    private int count;
    private int oldest;
    private double sum;
    private double sumOfSquares;
    private long lastNs = -1;

    public PhiAccrualDetector(FailureDetectorSettings settings)
    {
        this.settings = settings;
        intervalsMs = new double[Math.Max(2, settings.MaxSampleSize)];
        // A history to begin with, before there is one: the interval, give or take a quarter.
        double first = settings.HeartbeatInterval.TotalMilliseconds;
        Add(first - first / 4);
        Add(first + first / 4);
    }

    public void Heartbeat(long nowNs)
    {
        // The gap that a failure left says nothing about how the peer beats.
        if (lastNs >= 0 && IsAvailable(nowNs))
            Add((nowNs - lastNs) / 1e6);
        lastNs = nowNs;
    }

    /// <summary>
    /// −log10 of the probability that a heartbeat comes even later than this; 0 before the first.
    /// </summary>
    public double Phi(long nowNs)
    {
        if (lastNs < 0)
            return 0;
        double silenceMs = (nowNs - lastNs) / 1e6;
        double mean = sum / count + settings.AcceptableHeartbeatPause.TotalMilliseconds;
        double y = (silenceMs - mean) / StandardDeviationMs();
        double e = Math.Exp(-y * (1.5976 + 0.070566 * y * y));
        return silenceMs > mean ? -Math.Log10(e / (1 + e)) : -Math.Log10(1 - 1 / (1 + e));
    }

    public bool IsAvailable(long nowNs)
    {
        // Far from the threshold, which is nearly always, no exponential is needed.
        double silenceMs = (nowNs - lastNs) / 1e6;
        return lastNs < 0 || silenceMs < settings.AcceptableHeartbeatPause.TotalMilliseconds
            || Phi(nowNs) < settings.Threshold;
    }

    private double StandardDeviationMs()
    {
        double mean = sum / count;
        double variance = Math.Max(0, sumOfSquares / count - mean * mean);
        return Math.Max(Math.Sqrt(variance), settings.MinStdDeviation.TotalMilliseconds);
    }

    private void Add(double intervalMs)
    {
        if (count == intervalsMs.Length)
        {
            double gone = intervalsMs[oldest];
            sum -= gone;
            sumOfSquares -= gone * gone;
        }
        else
        {
            count++;
        }

        intervalsMs[oldest] = intervalMs;
        oldest = (oldest + 1) % intervalsMs.Length;
        sum += intervalMs;
        sumOfSquares += intervalMs * intervalMs;
    }
}
