using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Tests.SharedMemory;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: ranks that measure, tell each other and regroup their buckets go on to sum right, over
/// every way that gradients take. Method: integers, whose sums are exact; past the regrouping.
/// </summary>
public sealed class AdaptiveAllReduceTests
{
    private const int BucketElements = 9_001;
    private const int BucketCount = 6;
    private const int Length = BucketElements * BucketCount;

    private const int Steps =
        AdaptiveAllReduce.WarmUpSteps + AdaptiveAllReduce.MeasuredSteps + 6;

    private static readonly CollectiveScope Scope = new(Job, 0);

    [Theory]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public async Task OverGrpcAllRanksSumRightAndGroupAlike(int ranks, bool compressed)
    {
        await using var cluster = await StartAsync(ranks);
        var transports = cluster.OpenAll();
        var reasons = new string[ranks];
        var plan = ResidentRanks.Plain(ranks);
        await RunAllAsync(transports, transport =>
        {
            Memory<byte> buffer = new byte[Length * sizeof(float)];
            IBucketReducer reducer = compressed
                ? new CompressedReducer(transport, plan, [buffer], Length - 16, Scope)
                : new AllReducer(transport, plan, [buffer], Scope);
            // Integers of up to 8 bits, and sums of theirs, are bfloat16 too.
            reasons[transport.Rank] = Run(transport, reducer, modulus: compressed ? 80 : 10_000);
        });
        Assert.Single(reasons.Distinct());
        await DisposeAllAsync(transports);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task WhereGradientsAreSharedAllRanksSumRightAndGroupAlike(int ranks)
    {
        await using var resident = await ResidentRanks.OpenAsync(ranks, Length);
        var reasons = new string[ranks];
        await resident.OnAllAsync(rank => reasons[rank] = Run(
            resident.Transports[rank], resident.Buffers[rank]!, modulus: 10_000));
        Assert.Single(reasons.Distinct());
    }

    private static string Run(ITransport transport, IBucketReducer reducer, int modulus)
    {
        BucketExtent[] buckets =
        [
            .. Enumerable.Range(0, BucketCount).Select(bucket => new BucketExtent(
                (BucketCount - 1 - bucket) * BucketElements, BucketElements)),
        ];
        using var allReduce = new AdaptiveAllReduce(reducer, buckets, transport, Scope);
        for (var step = 1; step <= Steps; step++)
        {
            for (var index = 0; index < Length; index++)
                ResidentRanks.Floats(reducer.Output)[index] = Value(transport.Rank, step, index);
            allReduce.BeginStep(step);
            for (var bucket = 0; bucket < BucketCount; bucket++)
                allReduce.BucketReady(bucket);
            allReduce.Complete();
            for (var index = 0; index < Length; index++)
            {
                var got = ResidentRanks.Floats(reducer.Output)[index];
                var sum = 0;
                for (var rank = 0; rank < transport.Size; rank++)
                    sum += Value(rank, step, index);
                if (got != sum) Assert.Fail($"step {step}, {index}: {got}, expected {sum}");
            }
        }

        Assert.StartsWith(
            $"{BucketCount} buckets, grouped into ", allReduce.Grouping.Reason,
            StringComparison.Ordinal);
        return allReduce.Grouping.Reason;

        int Value(int rank, int step, int index) => (index + (rank * 7) + step) % modulus;
    }
}
