using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: sums in two levels have the bits of sums of frames between all ranks. Method: the cross
/// product of hosts, shards, even and uneven ranges, orders and lengths, in buckets that begin and
/// end anywhere, over some steps.
/// </summary>
public sealed class HierarchicalSumsTests
{
    public static TheoryData<string, int, bool> HostsShardsRanges()
    {
        var data = new TheoryData<string, int, bool>();
        foreach (var hosts in new[] { "2 1", "1 2", "2 2", "3 1", "1 3", "2 1 2", "4 4", "3 2 3" })
        {
            foreach (var shards in new[] { 4, 8, 16 })
            {
                if (Counts(hosts).Sum() > shards) continue;
                data.Add(hosts, shards, false);
                data.Add(hosts, shards, true);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(HostsShardsRanges))]
    public async Task HaveTheBitsOfFrames(string hosts, int shards, bool isUneven)
    {
        await using var ranks = await HierarchicalRanks.StartAsync(Counts(hosts));
        var map = isUneven
            ? Uneven(shards, ranks.Size)
            : ShardMap.Even(shards, ranks.Size);
        foreach (var order in Enum.GetValues<ReductionOrder>())
        {
            var plan = ReductionPlan.Create(map, order);
            foreach (var length in new[] { 1, 17, 1_001, 150_011 })
            {
                var gradients = ResidentSumsTests.Gradients(shards, length);
                var expected = await ResidentSumsTests.OfFramesAsync(plan, gradients);
                await ranks.OpenAsync(plan, length);
                var got = new List<int[]>[ranks.Size];
                await ranks.OnAllAsync(rank => got[rank] = ResidentSumsTests.Run(
                    plan, rank, gradients, ranks.Buffers[rank]!.Nodes, ranks.Buffers[rank]!));
                for (var rank = 0; rank < ranks.Size; rank++)
                    Assert.Equal(got[0], got[rank]);
                if (order == ReductionOrder.Exact)
                    Assert.Equal(expected, got[0]);
                else
                    AssertClose(expected, got[0]);
            }
        }
    }

    /// <summary>
    /// Leaders may round what they exchange: all ranks then have the same bits, which are near the
    /// sum, and what is not rounded is exact.
    /// </summary>
    [Fact]
    public async Task LeadersThatCompressLeaveAllRanksTheSameBits()
    {
        const int length = 40_000;
        const int compressed = length - 100;
        await using var ranks = await HierarchicalRanks.StartAsync([2, 2]);
        var plan = ReductionPlan.Create(ShardMap.Even(4, 4), ReductionOrder.Fast);
        await ranks.OpenAsync(plan, length, new FrameReducer(compressed));
        var sums = new float[4][];
        await ranks.OnAllAsync(rank =>
        {
            var buffers = ranks.Buffers[rank]!;
            var values = ResidentRanks.Floats(buffers.Nodes[0]);
            for (var index = 0; index < length; index++)
                values[index] = (rank + 1) * (1 + index % 1000 / 1000f);
            buffers.Reduce(1, 0, 0, length);
            buffers.EndStep();
            sums[rank] = ResidentRanks.Floats(buffers.Output).ToArray();
        });
        for (var rank = 1; rank < 4; rank++)
            Assert.Equal(sums[0], sums[rank]);
        for (var index = 0; index < length; index++)
        {
            var expected = 10 * (1 + index % 1000 / 1000f);
            var tolerance = index < compressed ? expected / 100 : expected / 1e6f;
            Assert.Equal(expected, sums[0][index], tolerance);
        }

        Assert.Contains(sums[0].Take(compressed).Index(), sum =>
            Math.Abs(sum.Item - 10 * (1 + sum.Index % 1000 / 1000f)) > 0.005f);
    }

    /// <summary>Other orders of adding, but the same addends.</summary>
    private static void AssertClose(List<int[]> expected, List<int[]> got)
    {
        foreach (var (wanted, sum) in expected.Zip(got))
        {
            for (var index = 0; index < wanted.Length; index++)
            {
                var difference = BitConverter.Int32BitsToSingle(wanted[index])
                    - BitConverter.Int32BitsToSingle(sum[index]);
                // Addends are at most 5000 and 16, of 24 bits.
                Assert.True(Math.Abs(difference) < 0.1f, $"{index} differs by {difference}");
            }
        }
    }

    /// <summary>The first rank has all but one shard of each of the others.</summary>
    private static ShardMap Uneven(int shards, int ranks)
    {
        var first = shards - ranks + 1;
        return new ShardMap(
            shards,
            [
                .. Enumerable.Range(0, ranks).Select(rank => new ShardRange(
                    rank == 0 ? 0 : first + rank - 1, first + rank)),
            ]);
    }

    private static int[] Counts(string hosts) => [.. hosts.Split(' ').Select(int.Parse)];
}
