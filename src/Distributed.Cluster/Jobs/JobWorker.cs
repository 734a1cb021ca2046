using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;

namespace Distributed.Cluster.Jobs;

/// <summary>What a job knows of one of its workers.</summary>
internal sealed class JobWorker(WorkerIdentity identity, IControlLink link)
{
    /// <summary>How much the newest step counts in a worker's speed.</summary>
    private const double NewestShare = 0.1;

    public WorkerIdentity Identity => identity;

    public IControlLink Link { get; set; } = link;

    /// <summary>What it said last; null before it has said anything.</summary>
    public WorkState? State { get; set; }

    /// <summary>Released and taken on again: it has not said anything since then.</summary>
    public bool IsRehired { get; set; }

    public bool IsLeaving { get; set; }

    /// <summary>Why it is to be given back though it stays a member; null where it is
    /// not.</summary>
    public string? DrainReason { get; set; }

    public long BenchedUntilNs { get; set; } = long.MinValue;

    public int FailureCount { get; set; }

    public bool IsAnnounced { get; set; }

    /// <summary>A smoothed mean; 0 before it has been measured.</summary>
    public double SecondsPerShard { get; private set; }

    /// <summary>Steps since its share of the shards last changed.</summary>
    public int StepsMeasured { get; private set; }

    public void Measure(double computeMs, int shardCount)
    {
        double seconds = computeMs / 1e3 / shardCount;
        SecondsPerShard = SecondsPerShard == 0
            ? seconds
            : SecondsPerShard + NewestShare * (seconds - SecondsPerShard);
        StepsMeasured++;
    }

    public void BeginMeasuring() => StepsMeasured = 0;

    public void Order(JobOrder order) => Link.Tell(new Ordered(order));
}
