using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using FsCheck.Xunit;

namespace Distributed.Collectives.Tests;

/// <summary>
/// The promise of exact reduction: the bits of a sum over logical shards do not depend on how many
/// ranks hold the shards. Checked against the tree written as a recursion.
/// </summary>
public sealed class ReductionTests
{
    public static TheoryData<int, int, int> ShardsRanksLengths()
    {
        var cases = new TheoryData<int, int, int>();
        foreach (int shards in new[] { 1, 2, 4, 8, 16 })
        {
            foreach (int workers in new[] { 1, 2, 3, 4, 5, 7, 9, 16 })
            {
                if (workers > shards)
                    continue;
                foreach (int length in new[] { 1, 16, 33, 1_000, 20_011 })
                    cases.Add(shards, workers, length);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(ShardsRanksLengths))]
    public void ExactSumHasTheTreesBitsOnEveryRank(int shards, int workers, int length)
    {
        float[][] gradients = Gradients(shards, length, seed: shards * 31 + length);
        float[] expected = TreeSum(gradients, 0, shards);
        foreach (float[] sum in AllReduce(gradients, workers, ReductionOrder.Exact, chunk: 257))
            Assert.Equal(Bits(expected), Bits(sum));
    }

    [Theory]
    [InlineData(8, 3, 1_000)]
    [InlineData(8, 2, 77)]
    [InlineData(4, 4, 16)]
    public void FastSumIsTheSameOnEveryRankAndCloseToTheTrees(int shards, int workers, int length)
    {
        float[][] gradients = Gradients(shards, length, seed: 7);
        float[] expected = TreeSum(gradients, 0, shards);
        float[][] sums = AllReduce(gradients, workers, ReductionOrder.Fast, chunk: 64);
        foreach (float[] sum in sums)
        {
            Assert.Equal(Bits(sums[0]), Bits(sum));
            for (int index = 0; index < length; index++)
            {
                float magnitude = gradients.Sum(gradient => Math.Abs(gradient[index]));
                Assert.Equal(expected[index], sum[index], 1e-6f * magnitude);
            }
        }
    }

    /// <summary>
    /// If this did not hold, the tests above could not tell one order from another.
    /// </summary>
    [Fact]
    public void TheGradientsOfTheseTestsDoTellOrdersApart()
    {
        float[][] gradients = Gradients(8, 1_000, seed: 5);
        float[] tree = TreeSum(gradients, 0, 8);
        var sequential = new float[1_000];
        foreach (float[] gradient in gradients)
        {
            for (int index = 0; index < sequential.Length; index++)
                sequential[index] += gradient[index];
        }

        Assert.NotEqual(Bits(tree), Bits(sequential));
    }

    [Property]
    public bool CoverNodesHoldExactlyTheRange(int exponent, int first, int count)
    {
        int shards = 1 << (Math.Abs(exponent % 8));
        int start = Math.Abs(first % shards);
        int end = start + 1 + Math.Abs(count % (shards - start));
        var leaves = new List<int>();
        foreach (int node in ReductionTree.Cover(shards, new ShardRange(start, end)))
            Leaves(node, shards, leaves);
        return leaves.SequenceEqual(Enumerable.Range(start, end - start));
    }

    [Property]
    public bool LocalWorkEndsWithTheCoverAndNeedsFewBuffers(int exponent, int first, int count)
    {
        int shards = 1 << (Math.Abs(exponent % 8));
        int start = Math.Abs(first % shards);
        int end = start + 1 + Math.Abs(count % (shards - start));
        var range = new ShardRange(start, end);
        LocalReduction local = LocalReduction.Exact(shards, range);
        int buffersMax = 2 * (int.Log2(shards) + 1);
        return local.Nodes.SequenceEqual(ReductionTree.Cover(shards, range))
            && local.NodeBuffers.Distinct().Count() == local.Nodes.Count
            && local.BufferCount <= buffersMax;
    }

    /// <summary>
    /// Computing several shards in one go leaves a rank's nodes in the buffers where its peers look
    /// for them, covers each shard once, and only ever takes whole subtrees.
    /// </summary>
    [Property]
    public bool ShardsTakenTogetherAreSubtreesAndEndInTheSameBuffers(
        int exponent, int first, int count, int mostExponent, bool exact)
    {
        int shards = 1 << (Math.Abs(exponent % 8));
        int start = Math.Abs(first % shards);
        int end = start + 1 + Math.Abs(count % (shards - start));
        int most = 1 << (Math.Abs(mostExponent % 5));
        var range = new ShardRange(start, end);
        LocalReduction alone = Make(1);
        LocalReduction grouped = Make(most);
        int next = start;
        foreach (ShardWork work in grouped.Shards)
        {
            if (work.Shard != next || work.Count > most || !int.IsPow2(work.Count)
                || work.Shard % work.Count != 0)
                return false;
            next = work.End;
        }

        return next == end && grouped.Nodes.SequenceEqual(alone.Nodes)
            && grouped.NodeBuffers.SequenceEqual(alone.NodeBuffers)
            && grouped.BufferCount <= alone.BufferCount;

        LocalReduction Make(int atOnce) => exact
            ? LocalReduction.Exact(shards, range, atOnce)
            : LocalReduction.Fast(shards, range, atOnce);
    }

    [Fact]
    public void MoreWorkersThanShardsLeaveSpares()
    {
        ShardMap map = ShardMap.Even(4, 7);
        Assert.Equal(4, map.RankCount);
    }

    /// <summary>
    /// Bytes on the wire are 2(n-1)/n of the bucket a rank, when each holds one node.
    /// </summary>
    [Fact]
    public void FramesMatchTheFormula()
    {
        const int ranks = 4;
        const int length = 4 * 256;
        var network = new InMemoryNetwork(ranks);
        Run(network, Gradients(ranks, length, 1), ReductionOrder.Exact, chunk: 64);
        int chunksPerSlice = length / ranks / 64;
        Assert.Equal(2 * ranks * (ranks - 1) * chunksPerSlice, network.Frames);
    }

    [Fact]
    public void ARankOutOfStepIsRefusedWithTheFieldNamed()
    {
        var network = new InMemoryNetwork(2);
        ReductionPlan plan = ReductionPlan.Create(ShardMap.Even(2, 2), ReductionOrder.Exact);
        var scope = new CollectiveScope(1, 1);
        var ahead = new AllReducer(network.Connect(1), plan, [new byte[256]], scope);
        var behind = new AllReducer(network.Connect(0), plan, [new byte[256]], scope);
        var other = new Thread(() =>
            Assert.ThrowsAny<Exception>(() => ahead.Reduce(step: 6, bucket: 0, 0, 64)));
        other.Start();
        var refusal = Assert.Throws<FrameRefusedException>(
            () => behind.Reduce(step: 5, bucket: 0, 0, 64));
        Assert.Equal("step", refusal.Field);
        network.CancelAll();
        other.Join();
    }

    private static float[][] AllReduce(
        float[][] gradients, int workers, ReductionOrder order, int chunk) =>
        Run(new InMemoryNetwork(workers), gradients, order, chunk);

    private static float[][] Run(
        InMemoryNetwork network, float[][] gradients, ReductionOrder order, int chunk)
    {
        int length = gradients[0].Length;
        ReductionPlan plan = ReductionPlan.Create(
            ShardMap.Even(gradients.Length, network.Size), order);
        var sums = new float[network.Size][];
        var failures = new List<Exception>();
        Thread[] ranks =
        [
            .. Enumerable.Range(0, network.Size).Select(rank => new Thread(() =>
            {
                try
                {
                    sums[rank] = RunRank(network.Connect(rank), plan, gradients, chunk);
                }
                catch (Exception failure)
                {
                    lock (failures)
                        failures.Add(failure);
                    network.CancelAll();
                }
            })),
        ];
        Array.ForEach(ranks, thread => thread.Start());
        Array.ForEach(ranks, thread => thread.Join());
        Assert.Empty(failures);
        Assert.All(sums, sum => Assert.Equal(length, sum.Length));
        return sums;
    }

    private static float[] RunRank(
        ITransport transport, ReductionPlan plan, float[][] gradients, int chunk)
    {
        LocalReduction local = plan.Locals[transport.Rank];
        int length = gradients[0].Length;
        Memory<byte>[] buffers =
            [.. Enumerable.Range(0, local.BufferCount).Select(_ => new byte[length * 4])];
        foreach (ShardWork work in local.Shards)
        {
            gradients[work.Shard].CopyTo(Floats(buffers[work.Buffer]));
            foreach (VectorAdd add in work.Adds)
                Add(Floats(buffers[add.Target]), Floats(buffers[add.Source]));
        }

        var reducer = new AllReducer(transport, plan, buffers, new CollectiveScope(9, 1), chunk);
        var buckets = new BucketExtent[]
        {
            new(length / 2, length - length / 2),
            new(0, length / 2),
        };
        using var overlapped = new OverlappedAllReduce(reducer, buckets);
        overlapped.BeginStep(3);
        overlapped.BucketReady(0);
        overlapped.BucketReady(1);
        overlapped.Complete();
        return Floats(reducer.Output).ToArray();
    }

    private static float[] TreeSum(float[][] gradients, int first, int end)
    {
        if (end - first == 1)
            return gradients[first];
        int middle = (first + end) / 2;
        float[] left = [.. TreeSum(gradients, first, middle)];
        Add(left, TreeSum(gradients, middle, end));
        return left;
    }

    private static void Add(Span<float> target, ReadOnlySpan<float> source)
    {
        for (int index = 0; index < target.Length; index++)
            target[index] += source[index];
    }

    private static float[][] Gradients(int shards, int length, int seed)
    {
        var random = new Random(seed);
        var gradients = new float[shards][];
        for (int shard = 0; shard < shards; shard++)
            gradients[shard] = [.. Enumerable.Range(0, length).Select(_ => Next())];
        return gradients;

        float Next() => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-4, 4)));
    }

    private static void Leaves(int node, int shards, List<int> leaves)
    {
        if (node >= shards)
        {
            leaves.Add(node - shards);
            return;
        }

        Leaves(2 * node, shards, leaves);
        Leaves(2 * node + 1, shards, leaves);
    }

    private static Span<float> Floats(Memory<byte> bytes) =>
        MemoryMarshal.Cast<byte, float>(bytes.Span);

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];
}
