using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: sums in place have the bits of sums of frames, on every rank. Method: the cross product of
/// ranks, shards, orders and lengths, in buckets that begin and end anywhere, over some steps.
/// </summary>
public sealed class ResidentSumsTests
{
    private const int Steps = 2;

    public static TheoryData<int, int, ReductionOrder> RanksShardsOrders()
    {
        var data = new TheoryData<int, int, ReductionOrder>();
        foreach (var shards in new[] { 1, 2, 4, 8, 16 })
            foreach (var ranks in Enumerable.Range(1, Math.Min(8, shards)))
                foreach (var order in Enum.GetValues<ReductionOrder>())
                    data.Add(ranks, shards, order);
        return data;
    }

    [Theory]
    [MemberData(nameof(RanksShardsOrders))]
    public async Task HaveTheBitsOfFrames(int ranks, int shards, ReductionOrder order)
    {
        var plan = ReductionPlan.Create(ShardMap.Even(shards, ranks), order);
        foreach (var length in new[] { 1, 2, 15, 17, 33, 1_001, 20_011 })
        {
            var gradients = Gradients(shards, length);
            var network = new InMemoryNetwork(ranks);
            var expected = new List<int[]>[ranks];
            await Task.WhenAll(Enumerable.Range(0, ranks).Select(rank => OnThread(() =>
            {
                var transport = network.Connect(rank);
                Memory<byte>[] nodes =
                    [.. plan.Locals[rank].Nodes.Select(_ => new byte[length * sizeof(float)])];
                expected[rank] = Run(
                    plan, rank, gradients, nodes, FrameReducer(transport, plan, nodes));
            })));
            await using var resident = await ResidentRanks.OpenAsync(
                plan, length, new SharedMemoryRanks(ranks, ringBytes: 1 << 12));
            var got = new List<int[]>[ranks];
            await resident.OnAllAsync(rank => got[rank] = Run(
                plan, rank, gradients, resident.Buffers[rank]!.Nodes, resident.Buffers[rank]!));
            for (var rank = 0; rank < ranks; rank++)
                Assert.Equal(expected[0], got[rank]);
        }
    }

    /// <summary>Ranks share a bucket out without gaps, and no cache line belongs to two.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(15, 2)]
    [InlineData(16, 16)]
    [InlineData(5, 1_000)]
    [InlineData(1_000_003, 999_983)]
    public void SlicesCoverABucketAndShareNoCacheLine(long offset, long length)
    {
        for (var ranks = 1; ranks <= 9; ranks++)
        {
            var next = offset;
            for (var rank = 0; rank < ranks; rank++)
            {
                var (start, end) = ResidentSum.Slice(offset, length, rank, ranks);
                Assert.Equal(next, start);
                Assert.True(start == offset || start == offset + length || start % 16 == 0);
                next = end;
            }

            Assert.Equal(offset + length, next);
        }
    }

    /// <summary>What one rank does: its shards, then all buckets; the bits of each step.</summary>
    internal static List<int[]> Run(
        ReductionPlan plan, int rank, float[][] gradients, IReadOnlyList<Memory<byte>> nodes,
        IBucketReducer reducer)
    {
        var length = gradients[0].Length;
        var local = plan.Locals[rank];
        var buffers = new Memory<byte>[local.BufferCount];
        for (var node = 0; node < nodes.Count; node++)
            buffers[local.NodeBuffers[node]] = nodes[node];
        for (var buffer = 0; buffer < buffers.Length; buffer++)
            if (buffers[buffer].IsEmpty) buffers[buffer] = new byte[length * sizeof(float)];
        var sums = new List<int[]>();
        for (var step = 1; step <= Steps; step++)
        {
            foreach (var work in local.Shards)
            {
                Backward(gradients[work.Shard], step, buffers[work.Buffer]);
                foreach (var add in work.Adds)
                    Add(buffers[add.Target], buffers[add.Source]);
            }

            Reduce(reducer, step, length);
            sums.Add([
                .. ResidentRanks.Floats(nodes[0]).ToArray()
                    .Select(BitConverter.SingleToInt32Bits),
            ]);
        }

        return sums;
    }

    /// <summary>In three buckets, from the back; none needs to begin at a cache line.</summary>
    private static void Reduce(IBucketReducer reducer, int step, int length)
    {
        var (first, second) = (length / 3, length / 2);
        reducer.Reduce(step, 0, second, length - second);
        reducer.Reduce(step, 1, first, second - first);
        reducer.Reduce(step, 2, 0, first);
        reducer.EndStep();
    }

    /// <summary>What a reduction over frames comes to, on rank 0.</summary>
    internal static async Task<List<int[]>> OfFramesAsync(
        ReductionPlan plan, float[][] gradients)
    {
        var network = new InMemoryNetwork(plan.Map.RankCount);
        var sums = new List<int[]>[plan.Map.RankCount];
        await Task.WhenAll(sums.Select((_, rank) => TransportCluster.OnThread(() =>
        {
            Memory<byte>[] nodes =
            [
                .. plan.Locals[rank].Nodes.Select(
                    _ => new byte[gradients[0].Length * sizeof(float)]),
            ];
            sums[rank] = Run(
                plan, rank, gradients, nodes,
                FrameReducer(network.Connect(rank), plan, nodes));
        })));
        return sums[0];
    }

    internal static AllReducer FrameReducer(
        ITransport transport, ReductionPlan plan, IReadOnlyList<Memory<byte>> nodes)
    {
        var local = plan.Locals[transport.Rank];
        var buffers = new Memory<byte>[local.BufferCount];
        for (var node = 0; node < nodes.Count; node++)
            buffers[local.NodeBuffers[node]] = nodes[node];
        return new AllReducer(
            transport, plan, buffers, new CollectiveScope(TransportCluster.Job, 0), 257);
    }

    private static void Backward(float[] gradient, int step, Memory<byte> buffer)
    {
        var target = ResidentRanks.Floats(buffer);
        for (var index = 0; index < target.Length; index++)
            target[index] = gradient[index] * step;
    }

    private static void Add(Memory<byte> target, Memory<byte> source)
    {
        var sum = ResidentRanks.Floats(target);
        var addend = ResidentRanks.Floats(source);
        for (var index = 0; index < sum.Length; index++)
            sum[index] += addend[index];
    }

    /// <summary>Of magnitudes so different that every order of adding has its own bits.</summary>
    internal static float[][] Gradients(int shards, int length)
    {
        var random = new Random(shards * 31 + length);
        return
        [
            .. Enumerable.Range(0, shards).Select(_ => Enumerable.Range(0, length)
                .Select(_ => (float)((random.NextDouble() - 0.5)
                    * Math.Pow(10, random.Next(-4, 4))))
                .ToArray()),
        ];
    }

    private static Task OnThread(Action body) => TransportCluster.OnThread(body);
}
