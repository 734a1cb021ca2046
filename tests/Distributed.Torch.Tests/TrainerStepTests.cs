namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: what a rank computes may be cut into calls in any way. Shards have the same bits alone and
/// beside others, a step those of its two halves, and buckets come in their order and whole.
/// </summary>
public sealed class TrainerStepTests
{
    private static readonly float[] s_votes =
        [.. Enumerable.Range(0, TrainerBench.Votes).Select(i => i + 0.5f)];

    /// <summary>Of 8 shards of unequal lengths, one of them empty.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void ShardsOfOneCallHaveTheBitsOfTheirTree(int count)
    {
        using var bench = new TrainerBench(Networks.NormAndDropout, Precision.Single);
        var shards = Shards(count);
        var alone = new List<double[]>();
        var first = 0;
        var results = new List<ModelShard>();
        foreach (var shard in shards)
        {
            var one = shard;
            alone.Add(bench.Compute(Samples(first, (int)shard.Count), new Span<ModelShard>(ref one),
                0.25));
            first += (int)shard.Count;
            results.Add(one);
        }
        var together = bench.Compute(Samples(0, first), shards, 0.25);
        Assert.Equal(Bits(Tree(alone)), Bits(together));
        Assert.Equal(results, shards);
    }

    /// <summary>
    /// The step's trailer, parameters, optimizer state, statistics and gradients.
    /// </summary>
    [Theory]
    [InlineData(Networks.NormAndDropout, 1, 0.0)]
    [InlineData(Networks.NormAndDropout, 4, 0.0)]
    [InlineData(Networks.EveryLayer, 2, 0.3)]
    public void AStepHasTheBitsOfItsHalves(string network, int count, double share)
    {
        using var whole = new TrainerBench(network, Precision.Single);
        using var halves = new TrainerBench(network, Precision.Single);
        foreach (var bench in new[] { whole, halves })
        {
            bench.SetOptimizer(states: 2, hasLookahead: true);
            bench.Write(TrainerBench.FirstState + 1, bench.Read(TrainerBench.Parameters));
        }
        var before = whole.Read(TrainerBench.Statistics);
        for (var step = 1; step <= 4; step++)
        {
            var update = new NativeMethods.NativeUpdate
            {
                LearningRate = 0.05 / step,
                Step = step,
                LookaheadShare = step == 3 ? share : 0,
                TakeSlow = step == 4 && share > 0 ? 1 : 0,
            };
            var (one, other) = (Shards(count), Shards(count));
            var samples = Samples(step, one.Sum(shard => (int)shard.Count));
            var trailer = whole.Step(samples, one, update, 0.125, s_votes);
            var gradients = halves.Compute(samples, other, 0.125, s_votes);
            halves.Update(update);
            Assert.Equal(Bits(gradients[^TorchModel.TrailerLength..]), Bits(trailer));
            Assert.Equal(s_votes.Select(vote => (double)vote), trailer[2..]);
            Assert.Equal(other, one);
            foreach (var part in Enumerable.Range(TrainerBench.Gradients, 5))
                Assert.Equal(Bits(halves.Read(part)), Bits(whole.Read(part)));
        }
        Assert.NotEqual(before, whole.Read(TrainerBench.Statistics));
    }

    /// <summary>What compute leaves on the device is not what was applied.</summary>
    [Fact]
    public void GradientsAreTheSumLastApplied()
    {
        using var bench = new TrainerBench(Networks.Course, Precision.Single);
        bench.SetOptimizer();
        var shards = Shards(2);
        var samples = Samples(0, shards.Sum(shard => (int)shard.Count));
        var update = new NativeMethods.NativeUpdate { LearningRate = 0.1, Step = 1 };
        var applied = bench.Compute(samples, shards);
        bench.Update(update);
        bench.Compute(samples, shards, lossScale: 3);
        Assert.Equal(Bits(applied), Bits(bench.Read(TrainerBench.Gradients)));
    }

    /// <summary>
    /// At each announcement the bucket is on the host, as it is in the end; on the calling thread.
    /// </summary>
    [Theory]
    [InlineData(1L)]
    [InlineData(2000L)]
    [InlineData(1L << 24)]
    public void BucketsAreAnnouncedInOrderAndWhole(long bucketBytes)
    {
        using var bench = new TrainerBench(
            Networks.EveryLayer, Precision.Single, bucketBytes: bucketBytes);
        var buckets = bench.Layout.Split('\n').Where(line => line.StartsWith("bucket "))
            .Select(line => line.Split(' '))
            .Select(words => (Offset: int.Parse(words[1]), Length: int.Parse(words[2]))).ToArray();
        var announced = new List<(int Index, double[] Content, int Thread)>();
        var shards = Shards(4);
        var gradients = bench.Compute(
            Samples(0, shards.Sum(shard => (int)shard.Count)), shards, 1, s_votes, index =>
            {
                var (offset, length) = buckets[index];
                announced.Add((index, bench.HostGradients()[offset..(offset + length)],
                    Environment.CurrentManagedThreadId));
            });
        Assert.Equal(Enumerable.Range(0, buckets.Length), announced.Select(entry => entry.Index));
        foreach (var (index, content, thread) in announced)
        {
            var (offset, length) = buckets[index];
            Assert.Equal(Bits(gradients[offset..(offset + length)]), Bits(content));
            Assert.Equal(Environment.CurrentManagedThreadId, thread);
        }
    }

    /// <summary>
    /// An empty shard adds nothing but its votes, over whatever the step before has left.
    /// </summary>
    [Fact]
    public void AnEmptyShardGivesZeros()
    {
        using var bench = new TrainerBench(Networks.EveryLayer, Precision.Single, bucketBytes: 1);
        bench.SetOptimizer(momentum: 0);
        var update = new NativeMethods.NativeUpdate { LearningRate = 0.1, Step = 1 };
        bench.Step(Samples(0, 7), Shards(2), update, 1, s_votes);
        var empty = new[] { new ModelShard(0, 1, 1), new ModelShard(0, 2, 1) };
        var calls = 0;
        var gradients = bench.Compute([], empty, 1, s_votes, _ => calls++);
        Assert.True(calls > 1);
        Assert.All(gradients[..^TrainerBench.Votes], x => Assert.Equal(0, x));
        Assert.Equal(s_votes.Select(vote => (double)vote), gradients[^TrainerBench.Votes..]);
        Assert.All(empty, shard => Assert.Equal((0, 0), (shard.LossSum, shard.Correct)));
        bench.Step([], empty, update);
        Assert.All(bench.Read(TrainerBench.Gradients), x => Assert.Equal(0, x));
    }

    /// <summary>
    /// What is not a number travels to the trailer, where the caller looks; nothing crashes.
    /// </summary>
    [Fact]
    public void WhatIsNotANumberReachesTheTrailer()
    {
        using var bench = new TrainerBench(Networks.EveryLayer, Precision.Single);
        bench.SetOptimizer();
        var parameters = bench.Read(TrainerBench.Parameters);
        parameters[0] = double.NaN;
        bench.Write(TrainerBench.Parameters, parameters);
        var update = new NativeMethods.NativeUpdate { LearningRate = 0.1, Step = 1 };
        var shards = Shards(1);
        Assert.True(double.IsNaN(bench.Step(Samples(0, 3), shards, update)[0]));
        Assert.True(double.IsNaN(shards[0].LossSum));
    }

    /// <summary>
    /// A step where nothing is captured says so, and why; it goes on all the same.
    /// </summary>
    [Theory]
    [InlineData(false, "capture no it was not asked for")]
    [InlineData(true, "capture no the device is the CPU")]
    public void TheLayoutSaysWhetherStepsAreCaptured(bool isCaptured, string line)
    {
        using var bench = new TrainerBench(
            Networks.Course, shardsMax: 4, isCaptured: isCaptured);
        Assert.Contains(line, bench.Layout.Split('\n'));
        Assert.Contains("shards 4", bench.Layout.Split('\n'));
        var shard = new ModelShard(2, 1, 1);
        bench.Compute(Samples(0, 2), new Span<ModelShard>(ref shard));
    }

    /// <summary>Handles are counted, and pinning does nothing on the CPU.</summary>
    [Fact]
    public unsafe void NothingIsLeftBehind()
    {
        TorchLibrary.Initialize(1);
        var before = TorchLibrary.LiveHandles;
        using (var memory = new NativeBuffer(4096))
        using (var bench = new TrainerBench(Networks.Course))
        {
            Assert.True(TorchLibrary.LiveHandles > before);
            NativeMethods.Check(NativeMethods.HostPin(memory.Pointer, memory.ByteLength));
            NativeMethods.Check(NativeMethods.HostUnpin(memory.Pointer));
        }
        Assert.Equal(before, TorchLibrary.LiveHandles);
    }

    private static ModelShard[] Shards(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new ModelShard(
            i == 2 ? 0 : 3 + (i % 3), (ulong)(100 + i), (i + 1) / 8.0))];

    private static NativeMethods.NativeSample[] Samples(int first, int count) =>
        TrainerBench.Plain(Enumerable.Range(first, count).Select(i => i % 24));

    /// <summary>Added two by two, in single as the engine's.</summary>
    private static double[] Tree(List<double[]> leaves)
    {
        while (leaves.Count > 1)
        {
            leaves = [.. leaves.Chunk(2).Select(pair =>
                pair[0].Zip(pair[1], (x, y) => (double)((float)x + (float)y)).ToArray())];
        }
        return leaves[0];
    }

    // 0 and -0 are different bits of the same number, which adding zeros may exchange.
    private static IEnumerable<long> Bits(double[] values) =>
        values.Select(value => BitConverter.DoubleToInt64Bits(value == 0 ? 0 : value));
}
