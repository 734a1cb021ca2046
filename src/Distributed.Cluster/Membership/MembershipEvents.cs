namespace Distributed.Cluster.Membership;

/// <summary>A member of the cluster: one life of one process.</summary>
/// <param name="Incarnation">Drawn when the process starts: a restart is another member.</param>
public sealed record MemberIdentity(
    string Name, ulong Incarnation, string Address, IReadOnlyList<string> Roles);

/// <summary>Akka's member states; being unreachable is a flag beside them.</summary>
public enum MemberStatus
{
    Joining,
    Up,
    Leaving,
    Exiting,
    Down,
    Removed,
}

/// <summary>
/// A change of the membership, published on the coordinator's event stream. Who applies all events
/// in order, from the first on, has the table.
/// </summary>
public abstract record MembershipEvent(MemberIdentity Member, string Reason);

public sealed record MemberJoined(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record MemberUp(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record MemberLeft(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record MemberExited(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record MemberDowned(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record MemberRemoved(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record UnreachableMember(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);

public sealed record ReachableMember(MemberIdentity Member, string Reason)
    : MembershipEvent(Member, Reason);
