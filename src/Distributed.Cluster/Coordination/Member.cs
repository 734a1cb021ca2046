using Distributed.Cluster.Membership;
using Distributed.Cluster.Workers;

namespace Distributed.Cluster.Coordination;

/// <summary>A worker as the coordinator keeps it.</summary>
internal sealed class Member(WorkerIdentity identity, PhiAccrualDetector detector)
{
    public WorkerIdentity Identity => identity;

    public PhiAccrualDetector Detector => detector;

    /// <summary>Null while it is unreachable.</summary>
    public IControlLink? Link { get; set; }

    /// <summary>Whether it has said what it works on: before that it is not idle.</summary>
    public bool IsKnown { get; set; }

    public bool IsLeaving { get; set; }

    /// <summary>0 while it is idle.</summary>
    public ulong Job { get; set; }

    public string Phase { get; set; } = "";

    public long Step { get; set; }

    public long UnreachableSinceNs { get; set; }
}
