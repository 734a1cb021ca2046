using Distributed.Cluster.Jobs;

namespace Distributed.Simulation.Workload;

/// <summary>A job as its watcher knows it.</summary>
internal sealed class WatchedJob(
    ulong number, ulong runSeed, JobDescription description, long submittedNs)
{
    public ulong Number => number;

    public ulong RunSeed => runSeed;

    public JobDescription Description => description;

    public long SubmittedNs => submittedNs;

    public bool IsAccepted { get; set; }

    public int EpochsSeen { get; set; }

    public int ReturnsSeen { get; set; }

    public RunEvent? Outcome { get; set; }
}
