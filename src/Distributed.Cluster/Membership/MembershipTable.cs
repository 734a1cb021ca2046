using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cluster.Membership;

/// <summary>
/// Who belongs to the cluster and in which state, with Akka's states and transitions. Every change
/// returns the events that it caused, in order.
/// </summary>
/// <param name="settings">Nobody is Up before as many have joined as it asks for.</param>
internal sealed class MembershipTable(MembershipSettings settings)
{
    /// <summary>
    /// So many removed incarnations are remembered; one that was forgotten could join again, as a
    /// member like any.
    /// </summary>
    public const int RemovedMax = 10_000;

    private readonly SortedDictionary<ulong, Entry> entries = [];
    private readonly HashSet<ulong> removed = [];
    private readonly Queue<ulong> removedInOrder = [];

    public int Count => entries.Count;

    public bool WasRemoved(ulong incarnation) => removed.Contains(incarnation);

    public bool IsUp(ulong incarnation) => StatusOf(incarnation) == MemberStatus.Up;

    public bool IsUnreachable(ulong incarnation) =>
        entries.TryGetValue(incarnation, out Entry? entry) && entry.IsUnreachable;

    /// <summary>Removed for whoever is no member.</summary>
    public MemberStatus StatusOf(ulong incarnation) =>
        entries.TryGetValue(incarnation, out Entry? entry) ? entry.Status : MemberStatus.Removed;

    /// <summary>What Akka's table of transitions allows.</summary>
    public static bool MayBecome(MemberStatus from, MemberStatus to) => (from, to) switch
    {
        (MemberStatus.Joining, MemberStatus.Up or MemberStatus.Leaving) => true,
        (MemberStatus.Up, MemberStatus.Leaving) => true,
        (MemberStatus.Leaving, MemberStatus.Exiting) => true,
        (MemberStatus.Down, MemberStatus.Down) => false,
        (not MemberStatus.Removed, MemberStatus.Down or MemberStatus.Removed) => true,
        _ => false,
    };

    public IReadOnlyList<MembershipEvent> Join(MemberIdentity member)
    {
        Invariant.Check(!WasRemoved(member.Incarnation), "a removed incarnation never comes back");
        Invariant.Check(!entries.ContainsKey(member.Incarnation), "a member joins once");
        entries.Add(member.Incarnation, new Entry(member));
        List<MembershipEvent> events = [new MemberJoined(member, "it asked to join")];
        if (!AreEnough())
            return events;
        string reason = $"{entries.Count} members have joined";
        foreach (Entry entry in entries.Values)
        {
            if (entry.Status != MemberStatus.Joining)
                continue;
            entry.Status = MemberStatus.Up;
            events.Add(new MemberUp(entry.Member, reason));
        }

        return events;
    }

    public IReadOnlyList<MembershipEvent> Leave(ulong incarnation, string reason) =>
        [new MemberLeft(Become(incarnation, MemberStatus.Leaving), reason)];

    public IReadOnlyList<MembershipEvent> Exit(ulong incarnation, string reason) =>
        [new MemberExited(Become(incarnation, MemberStatus.Exiting), reason)];

    public IReadOnlyList<MembershipEvent> Down(ulong incarnation, string reason) =>
        [new MemberDowned(Become(incarnation, MemberStatus.Down), reason)];

    public IReadOnlyList<MembershipEvent> Remove(ulong incarnation, string reason)
    {
        MemberIdentity member = Become(incarnation, MemberStatus.Removed);
        entries.Remove(incarnation);
        removed.Add(incarnation);
        removedInOrder.Enqueue(incarnation);
        if (removedInOrder.Count > RemovedMax)
            removed.Remove(removedInOrder.Dequeue());
        return [new MemberRemoved(member, reason)];
    }

    /// <summary>No event where it is known to be unreachable already.</summary>
    public IReadOnlyList<MembershipEvent> Unreachable(ulong incarnation, string reason) =>
        Flag(incarnation, isUnreachable: true)
            ? [new UnreachableMember(entries[incarnation].Member, reason)]
            : [];

    /// <summary>No event where it was reachable all along.</summary>
    public IReadOnlyList<MembershipEvent> Reachable(ulong incarnation, string reason) =>
        Flag(incarnation, isUnreachable: false)
            ? [new ReachableMember(entries[incarnation].Member, reason)]
            : [];

    /// <summary>Forgets all: another coordinator keeps the membership.</summary>
    public void Clear()
    {
        entries.Clear();
        removed.Clear();
        removedInOrder.Clear();
    }

    private bool AreEnough()
    {
        if (entries.Count < settings.MinNrOfMembers)
            return false;
        foreach ((string role, int least) in settings.RoleMinimums)
        {
            if (entries.Values.Count(entry => entry.Member.Roles.Contains(role)) < least)
                return false;
        }

        return true;
    }

    private MemberIdentity Become(ulong incarnation, MemberStatus status)
    {
        Entry entry = EntryOf(incarnation);
        Invariant.Check(
            MayBecome(entry.Status, status), "a member changes its state as Akka's table says");
        entry.Status = status;
        return entry.Member;
    }

    private bool Flag(ulong incarnation, bool isUnreachable)
    {
        Entry entry = EntryOf(incarnation);
        bool isNews = entry.IsUnreachable != isUnreachable;
        entry.IsUnreachable = isUnreachable;
        return isNews;
    }

    private Entry EntryOf(ulong incarnation)
    {
        Invariant.Check(
            entries.TryGetValue(incarnation, out Entry? entry), "the incarnation is a member");
        return entry!;
    }

    private sealed class Entry(MemberIdentity member)
    {
        public MemberIdentity Member => member;

        public MemberStatus Status { get; set; }

        public bool IsUnreachable { get; set; }
    }
}
