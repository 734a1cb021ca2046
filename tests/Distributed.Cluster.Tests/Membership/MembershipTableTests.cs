using Distributed.Cluster.Configuration;
using Distributed.Cluster.Membership;
using Distributed.Kernel;
using FsCheck.Xunit;

namespace Distributed.Cluster.Tests.Membership;

/// <summary>Members go through Akka's states and no others.</summary>
public sealed class MembershipTableTests
{
    /// <summary>The table of the reference, written out.</summary>
    private static readonly Dictionary<MemberStatus, MemberStatus[]> Allowed = new()
    {
        [MemberStatus.Joining] =
            [MemberStatus.Up, MemberStatus.Leaving, MemberStatus.Down, MemberStatus.Removed],
        [MemberStatus.Up] = [MemberStatus.Leaving, MemberStatus.Down, MemberStatus.Removed],
        [MemberStatus.Leaving] = [MemberStatus.Exiting, MemberStatus.Down, MemberStatus.Removed],
        [MemberStatus.Exiting] = [MemberStatus.Removed, MemberStatus.Down],
        [MemberStatus.Down] = [MemberStatus.Removed],
        [MemberStatus.Removed] = [],
    };

    [Fact]
    public void ExactlyAkkasTransitionsAreAllowed()
    {
        foreach (MemberStatus from in Enum.GetValues<MemberStatus>())
        {
            foreach (MemberStatus to in Enum.GetValues<MemberStatus>())
                Assert.Equal(Allowed[from].Contains(to), MembershipTable.MayBecome(from, to));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void NobodyIsUpBeforeTheMinimumHasJoined(int membersMin)
    {
        var table = Table(membersMin);
        for (int joined = 1; joined <= 4; joined++)
        {
            int ups = table.Join(Member((ulong)joined)).Count(
                happened => happened is MemberUp);
            Assert.Equal(
                joined < membersMin ? 0 : joined == membersMin ? membersMin : 1, ups);
        }
    }

    [Fact]
    public void ARoleMayHaveAMinimumOfItsOwn()
    {
        var table = new MembershipTable(new MembershipSettings
        {
            RoleMinimums = new SortedDictionary<string, int> { ["trainer"] = 2 },
        });
        Assert.DoesNotContain(table.Join(Member(1, "trainer")), happened => happened is MemberUp);
        Assert.DoesNotContain(table.Join(Member(2)), happened => happened is MemberUp);
        Assert.Equal(
            3, table.Join(Member(3, "trainer")).Count(happened => happened is MemberUp));
    }

    [Fact]
    public void ARemovedIncarnationNeverComesBack()
    {
        var table = Table(1);
        table.Join(Member(1));
        table.Down(1, "silent");
        table.Remove(1, "silent");
        Assert.True(table.WasRemoved(1));
        Assert.Throws<InvariantException>(() => table.Join(Member(1)));
        Assert.NotEmpty(table.Join(Member(2)));
    }

    [Fact]
    public void TheMemoryOfRemovedIncarnationsIsBounded()
    {
        var table = Table(1);
        for (ulong incarnation = 1; incarnation <= MembershipTable.RemovedMax + 5; incarnation++)
        {
            table.Join(Member(incarnation));
            table.Remove(incarnation, "gone");
        }

        Assert.False(table.WasRemoved(5));
        Assert.True(table.WasRemoved(6));
    }

    /// <summary>
    /// Random operations on a few members: an illegal one is refused and changes nothing, and who
    /// replays the events has the same table.
    /// </summary>
    [Property(MaxTest = 300)]
    public void EventsReplayedGiveTheSameTable(byte[] operations)
    {
        var table = Table(2);
        var replayed = new SortedDictionary<ulong, (MemberStatus Status, bool Unreachable)>();
        ulong next = 1;
        foreach (byte operation in operations)
        {
            ulong member = 1 + (ulong)(operation / 8) % Math.Max(1, next);
            bool isMember = table.StatusOf(member) != MemberStatus.Removed;
            try
            {
                IReadOnlyList<MembershipEvent> events = (operation % 8) switch
                {
                    0 => table.Join(Member(next++)),
                    1 => table.Leave(member, "r"),
                    2 => table.Exit(member, "r"),
                    3 => table.Down(member, "r"),
                    4 => table.Remove(member, "r"),
                    5 => table.Unreachable(member, "r"),
                    6 => table.Reachable(member, "r"),
                    _ => [],
                };
                foreach (MembershipEvent happened in events)
                    Replay(happened, replayed);
            }
            catch (InvariantException)
            {
                Assert.True(!isMember || operation % 8 is >= 1 and <= 4);
            }
        }

        Assert.Equal(table.Count, replayed.Count);
        foreach ((ulong incarnation, (MemberStatus status, bool unreachable)) in replayed)
        {
            Assert.Equal(status, table.StatusOf(incarnation));
            Assert.Equal(unreachable, table.IsUnreachable(incarnation));
        }
    }

    private static void Replay(
        MembershipEvent happened,
        SortedDictionary<ulong, (MemberStatus Status, bool Unreachable)> members)
    {
        ulong key = happened.Member.Incarnation;
        (MemberStatus status, bool unreachable) = members.GetValueOrDefault(key);
        switch (happened)
        {
            case MemberRemoved:
                members.Remove(key);
                return;
            case UnreachableMember or ReachableMember:
                unreachable = happened is UnreachableMember;
                break;
            default:
                status = happened switch
                {
                    MemberJoined => MemberStatus.Joining,
                    MemberUp => MemberStatus.Up,
                    MemberLeft => MemberStatus.Leaving,
                    MemberExited => MemberStatus.Exiting,
                    _ => MemberStatus.Down,
                };
                break;
        }

        members[key] = (status, unreachable);
    }

    private static MembershipTable Table(int membersMin) =>
        new(new MembershipSettings { MinNrOfMembers = membersMin });

    private static MemberIdentity Member(ulong incarnation, params string[] roles) =>
        new($"w{incarnation}", incarnation, "h:1", roles);
}
