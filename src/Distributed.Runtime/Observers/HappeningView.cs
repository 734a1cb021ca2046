using Distributed.Kernel;

namespace Distributed.Runtime.Observers;

/// <summary>Something that happened in the cluster.</summary>
/// <param name="Sequence">From 1, without a gap.</param>
/// <param name="Kind">Such as <c>MemberUp</c>, <c>LeaderChanged</c>,
/// <c>GenerationStarted</c>.</param>
/// <param name="Subject">Whom it is about: a worker, a job, a sweep.</param>
/// <param name="IsFailure">Somebody may have to do something.</param>
public sealed record HappeningView(
    long Sequence, DateTimeOffset Utc, string Kind, string Subject, string Text, bool IsFailure)
{
    /// <summary>The job it is about; 0 where it is about none. Several may have one name.</summary>
    public ulong Job { get; init; }
}

/// <summary>A line of a log: the coordinator's, or a worker's.</summary>
/// <param name="Sequence">From 1, without a gap.</param>
/// <param name="Node">The worker's name; <c>coordinator</c> for this one.</param>
/// <param name="Text">As it came: to be escaped wherever it is shown.</param>
public sealed record LogView(
    long Sequence, DateTimeOffset Utc, ActorLogLevel Level, string Node, string Source,
    string Text);
