using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;

namespace Distributed.Collectives.Tests;

/// <summary>
/// Buckets travel in groups that follow what was measured: on all ranks in the same, from the same
/// step on, and without changing a sum.
/// </summary>
public sealed class AdaptiveAllReduceTests
{
    private const int Length = 5 * 1_003;
    private const int ChoosingStep =
        AdaptiveAllReduce.WarmUpSteps + AdaptiveAllReduce.MeasuredSteps;

    /// <summary>As an engine has them: the last elements first.</summary>
    private static readonly BucketExtent[] Buckets =
        [.. Enumerable.Range(0, 5).Select(bucket => new BucketExtent((4 - bucket) * 1_003, 1_003))];

    [Theory]
    [InlineData(2, ReductionOrder.Exact)]
    [InlineData(3, ReductionOrder.Exact)]
    [InlineData(3, ReductionOrder.Fast)]
    [InlineData(4, ReductionOrder.Fast)]
    public void NoGroupingChangesABit(int ranks, ReductionOrder order)
    {
        int[][] groupings = [.. Groupings.All(Buckets.Length)];
        int[][][] sums = OnRanks(ranks, transport =>
        {
            (IBucketReducer reducer, Action<int> fill) = Reducer(transport, order);
            using var allReduce = new OverlappedAllReduce(reducer, Buckets);
            return groupings.Select((ends, step) =>
            {
                // Other groups at every step, with the same gradients.
                fill(0);
                allReduce.Regroup(ends);
                allReduce.BeginStep(step);
                for (int bucket = 0; bucket < Buckets.Length; bucket++)
                    allReduce.BucketReady(bucket);
                allReduce.Complete();
                return Bits(reducer.Output);
            }).ToArray();
        });
        Assert.Equal(16, groupings.Length);
        foreach (int[][] ofRank in sums)
            Assert.All(ofRank, sum => Assert.Equal(sums[0][0], sum));
    }

    /// <summary>Ranks of other speeds measure other times, and still choose alike.</summary>
    [Fact]
    public void AllRanksSwitchAtTheSameStepToTheSameGroups()
    {
        const int steps = ChoosingStep + 5;
        (List<(long, int, long, long)> Calls, string Reason)[] ranks = OnRanks(3, transport =>
        {
            (IBucketReducer inner, _) = Reducer(transport, ReductionOrder.Fast);
            var log = new LoggingReducer(inner);
            using var allReduce = new AdaptiveAllReduce(
                log, Buckets, transport, new CollectiveScope(9, 1));
            for (int step = 0; step < steps; step++)
                RunStep(allReduce, step, () => Thread.SpinWait(10_000 * transport.Rank));
            return (log.Calls, allReduce.Grouping.Reason);
        });
        foreach ((List<(long, int, long, long)> calls, string reason) in ranks)
        {
            Assert.Equal(ranks[0].Calls, calls);
            Assert.Equal(ranks[0].Reason, reason);
        }

        Assert.Contains("5 buckets, grouped into ", ranks[0].Reason, StringComparison.Ordinal);
        int[] groups =
            [.. ranks[0].Calls.GroupBy(call => call.Item1).Select(step => step.Count())];
        Assert.Equal(
            [1, 1, 1, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1], groups[..ChoosingStep]);
        Assert.Single(groups[ChoosingStep..].Distinct());
    }

    [Fact]
    public void EveryGenerationMeasuresAnew()
    {
        string[][] reasons = OnRanks(2, transport =>
        {
            (IBucketReducer reducer, _) = Reducer(transport, ReductionOrder.Fast);
            var told = new List<string>();
            for (int generation = 1; generation <= 2; generation++)
            {
                using var allReduce = new AdaptiveAllReduce(
                    reducer, Buckets, transport, new CollectiveScope(9, generation));
                told.Add(allReduce.Grouping.Reason);
                for (int step = 0; step <= ChoosingStep; step++)
                    RunStep(allReduce, (100 * generation) + step, () => { });
                told.Add(allReduce.Grouping.Reason);
            }

            return told.ToArray();
        });
        const string unmeasured = "groups of 524288 bytes until times are measured";
        foreach (string[] told in reasons)
        {
            Assert.Equal([unmeasured, unmeasured], [told[0], told[2]]);
            Assert.All(
                [told[1], told[3]],
                reason => Assert.StartsWith(
                    "5 buckets, grouped into", reason, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void ACancelEndsTheExchangeAsItEndsACollective()
    {
        var network = new InMemoryNetwork(2);
        using var first = new AdaptiveAllReduce(
            new IdleReducer(), Buckets, network.Connect(0), new CollectiveScope(9, 1));
        for (int step = 0; step < ChoosingStep; step++)
            RunStep(first, step, () => { });
        var exchange = new Thread(() => Assert.Throws<CollectiveCancelledException>(
            () => first.BeginStep(ChoosingStep)));
        exchange.Start();
        network.CancelAll();
        exchange.Join();
    }

    [Fact]
    public void ARankThatIsNotThereYetIsRefusedWithTheFieldNamed()
    {
        var network = new InMemoryNetwork(2);
        using var early = new AdaptiveAllReduce(
            new IdleReducer(), Buckets, network.Connect(0), new CollectiveScope(9, 1));
        for (int step = 0; step < ChoosingStep; step++)
            RunStep(early, step, () => { });
        network.Connect(1).Send(
            0, new FrameHeader(9, 1, ChoosingStep, 0, 0, 1, 0, 16, 0), new byte[64]);
        var refused = Assert.Throws<FrameRefusedException>(() => early.BeginStep(ChoosingStep));
        Assert.Equal("phase", refused.Field);
    }

    [Fact]
    public void StepsAllocateNothingButTheOneThatExchanges()
    {
        var network = new InMemoryNetwork(1);
        using var allReduce = new AdaptiveAllReduce(
            new IdleReducer(), Buckets, network.Connect(0), new CollectiveScope(9, 1));
        Action idle = () => { };
        var allocated = new long[ChoosingStep + 20];
        for (int step = 0; step < allocated.Length; step++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            RunStep(allReduce, step, idle);
            allocated[step] = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // The first wait on a semaphore, and the first steps of the tests, may allocate.
        Assert.All(allocated[2..ChoosingStep].Order().SkipLast(2), bytes => Assert.Equal(0, bytes));
        Assert.All(allocated[(ChoosingStep + 1)..], bytes => Assert.Equal(0, bytes));
        Assert.True(allocated[ChoosingStep] > 0, "this is the step that exchanges");
    }

    private static void RunStep(AdaptiveAllReduce allReduce, long step, Action compute)
    {
        allReduce.BeginStep(step);
        for (int bucket = 0; bucket < Buckets.Length; bucket++)
        {
            compute();
            allReduce.BucketReady(bucket);
        }

        allReduce.Complete();
    }

    private static (IBucketReducer Reducer, Action<int> Fill) Reducer(
        ITransport transport, ReductionOrder order)
    {
        ReductionPlan plan = ReductionPlan.Create(ShardMap.Even(8, transport.Size), order);
        int buffers = plan.Locals[transport.Rank].BufferCount;
        Memory<byte>[] memory =
            [.. Enumerable.Range(0, buffers).Select(_ => new byte[Length * sizeof(float)])];
        return (
            new AllReducer(transport, plan, memory, new CollectiveScope(9, 1), 300),
            Fill);

        void Fill(int seed)
        {
            var random = new Random(seed + transport.Rank);
            foreach (Memory<byte> buffer in memory)
            {
                foreach (ref float value in MemoryMarshal.Cast<byte, float>(buffer.Span))
                    value = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-4, 4)));
            }
        }
    }

    private static T[] OnRanks<T>(int ranks, Func<ITransport, T> work)
    {
        var network = new InMemoryNetwork(ranks);
        var results = new T[ranks];
        var failures = new List<Exception>();
        Thread[] threads =
        [
            .. Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
            {
                try
                {
                    results[rank] = work(network.Connect(rank));
                }
                catch (Exception failure)
                {
                    lock (failures)
                        failures.Add(failure);
                    network.CancelAll();
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
        return results;
    }

    private static int[] Bits(Memory<byte> memory) =>
        MemoryMarshal.Cast<byte, int>(memory.Span).ToArray();

    private sealed class LoggingReducer(IBucketReducer inner) : IBucketReducer
    {
        public List<(long Step, int Bucket, long Offset, long Length)> Calls { get; } = [];

        public Memory<byte> Output => inner.Output;

        public void Reduce(long step, int bucket, long offset, long length)
        {
            Calls.Add((step, bucket, offset, length));
            inner.Reduce(step, bucket, offset, length);
        }

        public void EndStep() => inner.EndStep();
    }

    private sealed class IdleReducer : IBucketReducer
    {
        public Memory<byte> Output => default;

        public void Reduce(long step, int bucket, long offset, long length)
        {
        }

        public void EndStep()
        {
        }
    }
}
