using Distributed.Cluster.Configuration;

namespace Distributed.Cluster.Coordination;

/// <summary>How patient a coordinator is, and with what.</summary>
public sealed record CoordinatorSettings
{
    /// <summary>Who may count as lost, and when a member is Up.</summary>
    public MembershipSettings Membership { get; init; } = new();

    /// <summary>
    /// A standby takes the lease when it has not seen it renewed for this long, by its own clock;
    /// a holder stops acting when it could not renew it for this long.
    /// </summary>
    public TimeSpan LeaseTimeout { get; init; } = TimeSpan.FromMilliseconds(1500);

    public TimeSpan LeaseInterval { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>With fewer workers a job waits, even if it asks for less.</summary>
    public int WorkersMin { get; init; } = 1;

    /// <summary>How long a new job waits for as many workers as it asks for.</summary>
    public TimeSpan WorkersDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a new coordinator waits for the workers of a generation to come to it before it
    /// takes them for lost.
    /// </summary>
    public TimeSpan ReturnDeadline { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a worker may take to halt; then it is left out.</summary>
    public TimeSpan HaltDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a planned change waits for a common step; then it interrupts one.
    /// </summary>
    public TimeSpan YieldDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a worker that failed alone is left out.</summary>
    public TimeSpan BenchTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often reports are made durable and confirmed to the workers.</summary>
    public TimeSpan RecordInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The least share of a step's time that moving shards must save; 0 for
    /// never.</summary>
    public double RebalanceGain { get; init; } = 0.15;
}
