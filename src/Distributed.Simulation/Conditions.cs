using Distributed.Cluster.Configuration;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Simulation.Time;

namespace Distributed.Simulation;

/// <summary>
/// What a seed draws once for its whole history: sizes, speeds and timing. The settings of the
/// actors are drawn too, so that nothing depends on their defaults.
/// </summary>
internal sealed class Conditions
{
    // A cluster that beats ten times a second costs a simulated hour dear.
    private const long ProductionTimingNsMax = 600 * Span.Second;

    public Conditions(ulong seed, int nodes, long durationNs, FaultClasses without)
    {
        var random = new Prng(CounterRandom.Key(seed, 0xC0));
        CoordinatorCount = random.NextBetween(2, 3);
        LateRunPercent = random.NextPercent(50) ? random.NextBetween(1, 20) : 0;
        Throughput = random.NextBetween(1, 30);
        RandomReady = random.NextPercent(75);
        MachineLossPercent = random.NextPercent(50) ? random.NextBetween(0, 60) : 0;
        LatencyNs = random.NextScaled(50 * Span.Microsecond, 20 * Span.Millisecond);
        ConnectionTimeoutNs = random.NextBetween(5, 20) * Span.Second;
        StepNs = random.NextScaled(300 * Span.Millisecond, 3 * Span.Second);
        CopyNs = random.NextScaled(50 * Span.Millisecond, 3 * Span.Second);
        PrepareNs = random.NextScaled(200 * Span.Millisecond, 5 * Span.Second);
        SaveNs = random.NextScaled(100 * Span.Millisecond, 5 * Span.Second);
        EvaluateNs = random.NextScaled(100 * Span.Millisecond, 3 * Span.Second);
        StoreNs = random.NextScaled(500 * Span.Microsecond, 50 * Span.Millisecond);
        DiskNs = random.NextScaled(500 * Span.Microsecond, 50 * Span.Millisecond);
        HaltWaitsPercent = random.NextBetween(0, 100);
        StoreSeesDeaths = random.NextPercent(30);
        SkewNsMax = without.HasFlag(FaultClasses.Skew) || random.NextPercent(50)
            ? 0
            : random.NextScaled(Span.Millisecond, 3600 * Span.Second);
        JobsAtOnce = nodes >= 6 && random.NextPercent(40) ? random.NextBetween(2, 3) : 1;
        bool production = random.NextPercent(10) && durationNs <= ProductionTimingNsMax;
        long beatNs = random.NextBetween(500, 1500) * Span.Millisecond;
        Worker = new WorkerTiming();
        Coordinator = new CoordinatorSettings();
        if (!production)
            DrawTiming(random, beatNs);
        if (random.NextPercent(20))
            Worker = Worker with { UnrecordedStepsMax = random.NextBetween(4, 64) };
        if (random.NextPercent(30))
            Coordinator = Coordinator with { RebalanceGain = 0 };
        HasSweeps = random.NextPercent(40) && nodes >= 2;
        SweepWorkersPerTrial = nodes >= 4 ? random.NextBetween(1, 2) : 1;
        // Of its own stream: histories without orders stay what they were.
        HasOrders = !without.HasFlag(FaultClasses.Orders)
            && new Prng(CounterRandom.Key(seed, 0x0D)).NextPercent(50);
    }

    public int CoordinatorCount { get; }

    /// <summary>How often a process gets to its messages late.</summary>
    public int LateRunPercent { get; }

    public int Throughput { get; }

    public bool RandomReady { get; }

    /// <summary>How often a crash takes the machine with it, so that no peer is told.</summary>
    public int MachineLossPercent { get; }

    /// <summary>From one machine to another, at the least.</summary>
    public long LatencyNs { get; }

    /// <summary>When a connection that gets nothing through is given up.</summary>
    public long ConnectionTimeoutNs { get; }

    public long StepNs { get; }

    public long CopyNs { get; }

    public long PrepareNs { get; }

    public long SaveNs { get; }

    public long EvaluateNs { get; }

    public long StoreNs { get; }

    public long DiskNs { get; }

    /// <summary>How often a halt waits for the compute that runs.</summary>
    public int HaltWaitsPercent { get; }

    public bool StoreSeesDeaths { get; }

    public long SkewNsMax { get; }

    public int JobsAtOnce { get; }

    /// <summary>Whether somebody runs sweeps beside the jobs.</summary>
    public bool HasSweeps { get; }

    /// <summary>The jobs leave that many workers for sweeps.</summary>
    public int SweepWorkersPerTrial { get; }

    /// <summary>Whether whoever watches a job also gives orders.</summary>
    public bool HasOrders { get; }

    public WorkerTiming Worker { get; private set; }

    public CoordinatorSettings Coordinator { get; private set; }

    private void DrawTiming(Prng random, long beatNs)
    {
        long timeoutNs = beatNs * random.NextBetween(4, 8);
        long leaseNs = beatNs * random.NextBetween(4, 7);
        Worker = new WorkerTiming
        {
            HeartbeatInterval = Span.ToTimeSpan(beatNs),
            CoordinatorTimeout = Span.ToTimeSpan(timeoutNs),
            RedialDelay = Span.ToTimeSpan(beatNs * random.NextBetween(1, 4) / 4),
            ReportInterval = Span.ToTimeSpan(beatNs * random.NextBetween(1, 16) / 4),
        };
        Coordinator = new CoordinatorSettings
        {
            Membership = new MembershipSettings
            {
                FailureDetector = new FailureDetectorSettings
                {
                    HeartbeatInterval = Span.ToTimeSpan(beatNs),
                    AcceptableHeartbeatPause = Span.ToTimeSpan(beatNs * random.NextBetween(2, 5)),
                    MinStdDeviation = Span.ToTimeSpan(beatNs / 5),
                },
            },
            LeaseTimeout = Span.ToTimeSpan(leaseNs),
            LeaseInterval = Span.ToTimeSpan(leaseNs / random.NextBetween(4, 6)),
            WorkersDeadline = Span.ToTimeSpan(random.NextBetween(20, 40) * Span.Second),
            ReturnDeadline = Span.ToTimeSpan(timeoutNs * random.NextBetween(10, 20) / 10),
            HaltDeadline = Span.ToTimeSpan(random.NextBetween(6, 20) * Span.Second),
            YieldDeadline = Span.ToTimeSpan(random.NextBetween(3, 15) * Span.Second),
            BenchTime = Span.ToTimeSpan(random.NextBetween(5, 30) * Span.Second),
            RecordInterval = Span.ToTimeSpan(beatNs * random.NextBetween(1, 8) / 4),
        };
    }
}
