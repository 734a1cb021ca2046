using Distributed.Cluster.Configuration;
using Distributed.Cluster.Membership;
using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Cluster.Tests.Membership;

/// <summary>The detector computes what its source says, and suspects silence alone.</summary>
public sealed class PhiAccrualDetectorTests
{
    private const long MillisecondNs = 1_000_000;

    private static readonly FailureDetectorSettings Akka = new()
    {
        HeartbeatInterval = TimeSpan.FromSeconds(1),
        Threshold = 8,
        MaxSampleSize = 1000,
        MinStdDeviation = TimeSpan.FromMilliseconds(100),
        AcceptableHeartbeatPause = TimeSpan.FromSeconds(3),
    };

    /// <summary>
    /// By hand, from the formula: the first history is 750 and 1250 ms, so mean 1000 + 3000 and
    /// deviation 250; at the mean y is 0 and φ is −log10(1/2).
    /// </summary>
    [Theory]
    [InlineData(4000, 0.30103)]
    [InlineData(4250, 0.79951)] // y = 1
    [InlineData(4500, 1.64283)] // y = 2
    [InlineData(5000, 4.73669)] // y = 4
    public void PhiIsWhatTheFormulaSays(long silenceMs, double phi)
    {
        var detector = new PhiAccrualDetector(Akka);
        detector.Heartbeat(0);
        Assert.Equal(phi, detector.Phi(silenceMs * MillisecondNs), 0.0001);
    }

    [Fact]
    public void NothingIsSuspectedBeforeTheFirstHeartbeat()
    {
        var detector = new PhiAccrualDetector(Akka);
        Assert.Equal(0, detector.Phi(long.MaxValue / 2));
        Assert.True(detector.IsAvailable(long.MaxValue / 2));
    }

    [Fact]
    public void OurDefaultsNoticeSilenceInWellUnderASecond()
    {
        var detector = new PhiAccrualDetector(new FailureDetectorSettings());
        long now = 0;
        for (int beat = 0; beat < 100; beat++)
            detector.Heartbeat(now += 100 * MillisecondNs);
        Assert.True(detector.IsAvailable(now + 400 * MillisecondNs));
        Assert.False(detector.IsAvailable(now + 700 * MillisecondNs));
    }

    [Property(MaxTest = 200)]
    public bool SilenceOnlyGetsMoreSuspicious(byte[] jitterMs, PositiveInt stepMs)
    {
        (PhiAccrualDetector detector, long now) = Beating(jitterMs);
        double before = 0;
        for (int step = 0; step < 100; step++)
        {
            double phi = detector.Phi(now += stepMs.Get % 200 * MillisecondNs);
            if (phi < before)
                return false;
            before = phi;
        }

        return true;
    }

    [Property(MaxTest = 200)]
    public bool RegularHeartbeatsAreNeverSuspected(byte[] jitterMs)
    {
        (PhiAccrualDetector detector, long now) = Beating(jitterMs);
        return detector.IsAvailable(now + 300 * MillisecondNs);
    }

    [Fact]
    public void TheGapOfAFailureIsNotLearnt()
    {
        (PhiAccrualDetector detector, long now) = Beating([]);
        detector.Heartbeat(now += 60_000 * MillisecondNs);
        Assert.False(detector.IsAvailable(now + 2000 * MillisecondNs));
    }

    [Fact]
    public void OnlyTheNewestSamplesCount()
    {
        var small = new PhiAccrualDetector(new FailureDetectorSettings { MaxSampleSize = 10 });
        long now = 0;
        for (int beat = 0; beat < 50; beat++)
            small.Heartbeat(now += 300 * MillisecondNs);
        for (int beat = 0; beat < 10; beat++)
            small.Heartbeat(now += 100 * MillisecondNs);
        var fresh = new PhiAccrualDetector(new FailureDetectorSettings());
        long other = 0;
        for (int beat = 0; beat < 500; beat++)
            fresh.Heartbeat(other += 100 * MillisecondNs);
        long silence = 520 * MillisecondNs;
        Assert.Equal(fresh.Phi(other + silence), small.Phi(now + silence), 0.2);
    }

    private static (PhiAccrualDetector Detector, long NowNs) Beating(byte[] jitterMs)
    {
        var detector = new PhiAccrualDetector(new FailureDetectorSettings());
        long now = 0;
        detector.Heartbeat(now);
        for (int beat = 0; beat < 20; beat++)
        {
            int jitter = jitterMs.Length == 0 ? 0 : jitterMs[beat % jitterMs.Length] % 100;
            detector.Heartbeat(now += (100 + jitter) * MillisecondNs);
        }

        return (detector, now);
    }
}
