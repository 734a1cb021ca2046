using Distributed.Collectives.Reduction;

namespace Distributed.Collectives.Tests;

/// <summary>
/// Goal: a reduction in two levels adds in the run's one order, and all ranks see the same groups.
/// Method: sums are written out as text, over every way to cut ranks into hosts.
/// </summary>
public sealed class HierarchicalPlanTests
{
    [Theory]
    [InlineData("a", "0+1")]
    [InlineData("a a a", "0+3")]
    [InlineData("a a b", "0+2 2+1")]
    [InlineData("a b b c c c", "0+1 1+2 3+3")]
    [InlineData("a b a", "0+1 1+1 2+1")]
    [InlineData("- - a a", "0+1 1+1 2+2")]
    public void NeighboursOfOneHostAreAGroup(string hosts, string expected) =>
        Assert.Equal(
            expected,
            Text(HostGroup.ByHost([.. hosts.Split(' ').Select(host => host.Trim('-'))])));

    [Theory]
    [InlineData("1 1 1 1 1", "0+2 2+1 3+2")]
    [InlineData("1 1 0 1 1", "0+2 2+1 3+2")]
    [InlineData("0 0 0 1 1", "0+1 1+1 2+1 3+2")]
    [InlineData("1 1 0 1 0", "0+2 2+1 3+1 4+1")]
    public void RanksThatDoNotShareAreGroupsOfTheirOwn(string shares, string expected) =>
        Assert.Equal(
            expected,
            Text(HostGroup.Sharing(
                [new(0, 2), new(2, 1), new(3, 2)],
                [.. shares.Split(' ').Select(share => share == "1")])));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void AnExactSumIsTheTreesHoweverRanksAreCutIntoHosts(int shards)
    {
        for (int ranks = 1; ranks <= Math.Min(shards, 8); ranks++)
        {
            foreach (ShardMap map in new[] { ShardMap.Even(shards, ranks), Uneven(shards, ranks) })
            {
                var plan = ReductionPlan.Create(map, ReductionOrder.Exact);
                for (int cuts = 0; cuts < 1 << (ranks - 1); cuts++)
                {
                    var hierarchy = new HierarchicalPlan(plan, Groups(ranks, cuts));
                    Assert.Equal(Tree(0, shards), Sum(plan, hierarchy));
                }
            }
        }
    }

    [Fact]
    public void AFastSumHasEveryShardOnce()
    {
        for (int cuts = 0; cuts < 1 << 4; cuts++)
        {
            var plan = ReductionPlan.Create(ShardMap.Even(8, 5), ReductionOrder.Fast);
            string sum = Sum(plan, new HierarchicalPlan(plan, Groups(5, cuts)));
            Assert.Equal(
                Enumerable.Range(0, 8).Select(shard => $"{shard}"),
                sum.Split('(', ')', '+').Where(part => part.Length > 0));
        }
    }

    [Fact]
    public void ARankIsOfTheHostThatHoldsIt()
    {
        var plan = ReductionPlan.Create(ShardMap.Even(8, 5), ReductionOrder.Exact);
        var hierarchy = new HierarchicalPlan(plan, [new(0, 2), new(2, 1), new(3, 2)]);
        Assert.Equal([0, 0, 1, 2, 2], Enumerable.Range(0, 5).Select(hierarchy.HostOf));
    }

    /// <summary>What the ranks, then the hosts, then all hosts together come to.</summary>
    private static string Sum(ReductionPlan plan, HierarchicalPlan hierarchy)
    {
        var contributions = new List<string>();
        foreach (HostReduction host in hierarchy.Hosts)
        {
            string[] slots =
            [
                .. Enumerable.Range(host.Group.First, host.Group.Count)
                    .SelectMany(rank => NodesOf(plan.Locals[rank])),
            ];
            Add(slots, host.Adds);
            contributions.AddRange(host.NodeSlots.Select(slot => slots[slot]));
        }

        string[] all = [.. contributions];
        Add(all, hierarchy.Between.Adds);
        return all[0];
    }

    private static IEnumerable<string> NodesOf(LocalReduction local)
    {
        string[] buffers = new string[local.BufferCount];
        foreach (ShardWork work in local.Shards)
        {
            buffers[work.Buffer] = $"{work.Shard}";
            Add(buffers, work.Adds);
        }

        return local.NodeBuffers.Select(buffer => buffers[buffer]);
    }

    private static void Add(string[] slots, IReadOnlyList<VectorAdd> adds)
    {
        foreach (VectorAdd add in adds)
            slots[add.Target] = $"({slots[add.Target]}+{slots[add.Source]})";
    }

    private static string Tree(int first, int count) => count == 1
        ? $"{first}"
        : $"({Tree(first, count / 2)}+{Tree(first + count / 2, count / 2)})";

    /// <summary>The last rank has all but one shard of each of the others.</summary>
    private static ShardMap Uneven(int shards, int ranks) => new(
        shards,
        [
            .. Enumerable.Range(0, ranks).Select(rank => new ShardRange(
                rank, rank == ranks - 1 ? shards : rank + 1)),
        ]);

    /// <summary>A bit of the cuts says whether a new host begins after that rank.</summary>
    private static List<HostGroup> Groups(int ranks, int cuts)
    {
        var groups = new List<HostGroup> { new(0, 1) };
        for (int rank = 1; rank < ranks; rank++)
        {
            if ((cuts >> (rank - 1) & 1) != 0)
                groups.Add(new HostGroup(rank, 1));
            else
                groups[^1] = groups[^1] with { Count = groups[^1].Count + 1 };
        }

        return groups;
    }

    private static string Text(IEnumerable<HostGroup> groups) =>
        string.Join(' ', groups.Select(group => $"{group.First}+{group.Count}"));
}
