using Distributed.Cluster.Membership;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

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

    /// <summary>Why it gets no job; empty where it may get one.</summary>
    public string BenchReason { get; set; } = "";

    /// <summary>Who waits until the worker says that it is benched for that reason, or, for an
    /// empty one, that it no longer is.</summary>
    public List<(IActorRef Asker, string Reason)> BenchAskers { get; } = [];

    /// <summary>Who waits until the worker says that it leaves.</summary>
    public List<IActorRef> LeaveAskers { get; } = [];

    /// <summary>A job may get it, once it has none.</summary>
    public bool IsUsable => Link is not null && !IsLeaving && BenchReason.Length == 0;

    /// <summary>0 while it is idle.</summary>
    public ulong Job { get; set; }

    public string Phase { get; set; } = "";

    public long Step { get; set; }

    /// <summary>Empty before it has prepared a job.</summary>
    public string Device { get; set; } = "";

    public long UnreachableSinceNs { get; set; }

    /// <summary>It has no job any more, and what it did for one says nothing about it.</summary>
    public void BecomeIdle()
    {
        Job = 0;
        Phase = "";
        Step = 0;
    }
}
