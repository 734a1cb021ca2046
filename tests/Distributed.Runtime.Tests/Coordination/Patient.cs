using Distributed.Cluster.Configuration;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>
/// Settings with which only what a test does is noticed, and never that the machine is busy.
/// </summary>
internal static class Patient
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    public static CoordinatorSettings Coordinator { get; } = new()
    {
        LeaseTimeout = Long,
        ReturnDeadline = Long,
        WorkersDeadline = Long,
        HaltDeadline = Long,
        YieldDeadline = Long,
        Membership = new MembershipSettings
        {
            FailureDetector = new FailureDetectorSettings { AcceptableHeartbeatPause = Long },
        },
    };

    public static WorkerTiming Worker { get; } = new() { CoordinatorTimeout = Long };
}
