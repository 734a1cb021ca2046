using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.DataPlane;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: all-reduces over gRPC sum right and, once warm, allocate nothing. Method: integers, whose
/// sums are exact, at sizes around the frames' and the chunks' borders.
/// </summary>
public sealed class GrpcAllReduceTests
{
    public static TheoryData<int, int> RanksAndLengths()
    {
        var data = new TheoryData<int, int>();
        foreach (var ranks in new[] { 2, 3, 4 })
            foreach (var length in new[] { 1, 33, 4_095, 65_537, 1_000_003 })
                data.Add(ranks, length);
        return data;
    }

    [Theory]
    [MemberData(nameof(RanksAndLengths))]
    public async Task SumsAreRight(int ranks, int length)
    {
        await using var cluster = await StartAsync(ranks);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, transport =>
        {
            var buffer = new byte[length * sizeof(float)];
            var reducer = Reducer(transport, buffer);
            var floats = MemoryMarshal.Cast<byte, float>(buffer.AsSpan());
            for (var step = 0; step < 3; step++)
            {
                for (var index = 0; index < length; index++)
                    floats[index] = Value(transport.Rank, step, index);
                reducer.Reduce(step, 0, 0, length / 2);
                reducer.Reduce(step, 1, length / 2, length - length / 2);
                transport.Flush();
                for (var index = 0; index < length; index++)
                {
                    var sum = Enumerable.Range(0, ranks).Sum(rank => Value(rank, step, index));
                    if (sum != floats[index])
                        Assert.Fail($"step {step}, {index}: {floats[index]}, expected {sum}");
                }
            }
        });
        await DisposeAllAsync(transports);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AStepAllocatesNothing(bool compressed)
    {
        const int Length = 300_000;
        const int Steps = 60;
        await using var cluster = await StartAsync(2);
        var transports = cluster.OpenAll();
        await RunAllAsync(transports, transport =>
        {
            var buffer = new byte[Length * sizeof(float)];
            IBucketReducer reducer = compressed
                ? new CompressedReducer(
                    transport, Plan(transport), [buffer], Length - 16,
                    new CollectiveScope(Job, 0))
                : Reducer(transport, buffer);
            var fewest = long.MaxValue;
            for (var step = 0; step < Steps; step++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                reducer.Reduce(step, 0, 0, Length);
                transport.Flush();
                // A frame that comes early is held, in a buffer that the pool may have to make.
                fewest = Math.Min(fewest, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            Assert.Equal(0, fewest);
        });
        await DisposeAllAsync(transports);
    }

    private static AllReducer Reducer(GrpcTransport transport, byte[] buffer) => new(
        transport, Plan(transport), [buffer], new CollectiveScope(Job, 0));

    private static ReductionPlan Plan(GrpcTransport transport) =>
        ReductionPlan.Create(ShardMap.Even(4, transport.Size), ReductionOrder.Fast);

    private static float Value(int rank, int step, int index) =>
        (rank + 1) * (index % 1000) + step;
}
