using Distributed.Cluster.Coordination;

namespace Distributed.Runtime.Observers;

/// <summary>A worker, and what it does now. One that is gone is kept for a while.</summary>
/// <param name="Version">Of its last change.</param>
/// <param name="Status">A <see cref="Cluster.Membership.MemberStatus"/>, as it is written.</param>
/// <param name="Reason">Why it has the status, or is unreachable, since
/// <paramref name="SinceUtc"/>.</param>
/// <param name="BenchReason">Why it gets no work; empty where it may get some.</param>
/// <param name="Vitals">Null before the first sample.</param>
public sealed record WorkerView(
    long Version, WorkerIdentity Worker, string Status, bool IsUnreachable, string Reason,
    DateTimeOffset SinceUtc, string BenchReason, WorkerVitals? Vitals, WorkerWork Work)
{
    /// <summary>It is no member any more.</summary>
    public bool IsGone => Status == nameof(Cluster.Membership.MemberStatus.Removed);
}

/// <summary>What a worker does with its job.</summary>
/// <param name="Job">0 while it is idle.</param>
/// <param name="Rank">-1 for a spare, and before it has one.</param>
/// <param name="FirstShard">Of its logical shards, <paramref name="ShardCount"/> in number out of
/// <paramref name="ShardsTotal"/>.</param>
/// <param name="Step">The last one that it committed.</param>
/// <param name="StepMs">Of its last report's steps, the mean; so are the other times.</param>
/// <param name="WaitMs">How long the step stood still for others.</param>
/// <param name="ImagesPerSecond">Of its own shards while it computes: what it could do
/// alone.</param>
public sealed record WorkerWork(
    ulong Job, string Phase, string Device, int Rank, int FirstShard, int ShardCount,
    int ShardsTotal, long Step, double ComputeMs, double CommunicationMs, double WaitMs,
    double StepMs, double ImagesPerSecond)
{
    public static WorkerWork None { get; } = new(0, "", "", -1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/// <summary>What workers did, counted since this coordinator's process began.</summary>
/// <param name="Joined">Of any kind.</param>
/// <param name="Restarted">Of those that joined: under the name of one that was there before, as a
/// new process.</param>
/// <param name="Lost">Given up by the coordinator: they did not leave.</param>
public readonly record struct WorkerChanges(long Joined, long Restarted, long Lost);
