using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;

namespace Distributed.Collectives.Reduction;

/// <summary>What a rank has measured of its steps, and what all ranks make of it.</summary>
/// <param name="ReadyMs">When each bucket is ready, from the step's begin.</param>
/// <param name="AloneMs">How long each bucket's all-reduce takes.</param>
/// <param name="TogetherMs">How long one all-reduce of all buckets takes.</param>
internal sealed record BucketTimes(double[] ReadyMs, double[] AloneMs, double TogetherMs)
{
    /// <summary>The phase of its frames, beside those of other exchanges.</summary>
    private const int Phase = 4;

    /// <summary>
    /// An all-gather: every rank sends its own to all, so that all of them hold the same, which is
    /// by rank. Throws what the transport throws.
    /// </summary>
    public BucketTimes[] Exchange(ITransport transport, CollectiveScope scope, long step)
    {
        double[] own = [.. ReadyMs, .. AloneMs, TogetherMs];
        byte[] payload = MemoryMarshal.AsBytes(own.AsSpan()).ToArray();
        return
        [
            .. AllGather.Run(transport, payload, Header)
                .Select(bytes => Read(MemoryMarshal.Cast<byte, double>(bytes))),
        ];

        FrameHeader Header(int rank) => new(
            scope.Job, scope.Generation, step, Bucket: 0, Phase, Node: rank, Offset: 0,
            Length: own.Length, Checksum: 0);
    }

    /// <summary>
    /// What a generation comes to: a bucket is ready when its slowest rank has it, and the rank
    /// that comes last to an all-reduce, waiting for nobody, takes the shortest for it.
    /// </summary>
    public static BucketTimes Of(IReadOnlyList<BucketTimes> ranks)
    {
        int count = ranks[0].ReadyMs.Length;
        var (ready, alone) = (new double[count], new double[count]);
        for (int bucket = 0; bucket < count; bucket++)
        {
            double before = bucket > 0 ? ready[bucket - 1] : 0;
            ready[bucket] = Math.Max(before, ranks.Max(rank => rank.ReadyMs[bucket]));
            alone[bucket] = ranks.Min(rank => rank.AloneMs[bucket]);
        }

        return new BucketTimes(ready, alone, ranks.Min(rank => rank.TogetherMs));
    }

    public BucketGrouping Choose(IReadOnlyList<long> bytes)
    {
        var cost = LinkCost.Fit(
            [.. bytes.Zip(AloneMs), (bytes.Sum(), TogetherMs)]);
        return BucketSchedule.Choose(ReadyMs, bytes, cost);
    }

    private static BucketTimes Read(ReadOnlySpan<double> values)
    {
        int count = values.Length / 2;
        return new BucketTimes(
            [.. values[..count]], [.. values[count..^1]], values[^1]);
    }
}
