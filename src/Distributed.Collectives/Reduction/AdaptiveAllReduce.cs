using System.Diagnostics;
using Distributed.Collectives.Transport;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Reduces buckets during backward, in the groups that suit this generation's computation and link.
/// Its first steps measure; then the ranks tell each other what they measured, and all choose the
/// same groups from the same numbers, for the same step. A sum does not depend on its group, so
/// that the choice changes no bit of it.
/// </summary>
/// <remarks>
/// As <see cref="OverlappedAllReduce"/>, on which it stands, it is used by one thread, and a
/// failure of a collective, or of the exchange, ends its use. It allocates nothing per step but in
/// the one that exchanges.
/// </remarks>
public sealed class AdaptiveAllReduce : IDisposable
{
    /// <summary>Steps that connect, compile and fill caches.</summary>
    public const int WarmUpSteps = 4;

    /// <summary>
    /// Half of them reduce each bucket alone, half all together: two sizes tell the fixed cost from
    /// that of bytes.
    /// </summary>
    public const int MeasuredSteps = 12;

    /// <summary>Small enough to travel while more is computed, and worth its cost.</summary>
    private const long GroupBytesAtFirst = 512 << 10;

    private readonly OverlappedAllReduce allReduce;
    private readonly ITransport transport;
    private readonly CollectiveScope scope;
    private readonly long[] bytes;
    private readonly BucketGrouping alone;
    private readonly BucketGrouping together;
    private readonly double[][] readyMs;
    private readonly double[][] aloneMs;
    private readonly double[] togetherMs;
    private int steps;

    /// <param name="reducer">Used by this object only, from now on.</param>
    /// <param name="buckets">In the order in which backward completes them; each lies next to the
    /// one before.</param>
    /// <param name="transport">For the exchange, between two steps; not owned.</param>
    /// <param name="scope">Stamped on the exchange's frames.</param>
    public AdaptiveAllReduce(
        IBucketReducer reducer, IReadOnlyList<BucketExtent> buckets, ITransport transport,
        CollectiveScope scope)
    {
        this.transport = transport;
        this.scope = scope;
        bytes = [.. buckets.Select(bucket => bucket.Length * sizeof(float))];
        alone = BucketSchedule.OfSize(bytes, groupBytes: 1);
        together = BucketSchedule.OfSize(bytes, groupBytes: long.MaxValue);
        Grouping = BucketSchedule.OfSize(bytes, GroupBytesAtFirst);
        readyMs = Samples(MeasuredSteps);
        aloneMs = Samples(MeasuredSteps / 2);
        togetherMs = new double[MeasuredSteps / 2];
        allReduce = new OverlappedAllReduce(reducer, buckets);
        allReduce.Regroup(Grouping.Ends);

        double[][] Samples(int count) => [.. buckets.Select(_ => new double[count])];
    }

    /// <summary>How buckets are grouped, but in steps that measure.</summary>
    public BucketGrouping Grouping { get; private set; }

    /// <summary>How long the last step's collectives took, overlapped or not.</summary>
    public TimeSpan CommunicationTime => allReduce.CommunicationTime;

    /// <inheritdoc cref="OverlappedAllReduce.Timings"/>
    public IReadOnlyList<ReductionTiming> Timings() => allReduce.Timings();

    private bool IsMeasuring => bytes.Length > 1
        && steps is >= WarmUpSteps and < WarmUpSteps + MeasuredSteps;

    private int Sample => steps - WarmUpSteps;

    /// <summary>
    /// Every rank calls it for the same steps. Throws what <see cref="Complete"/> throws: one of
    /// the first steps waits for all ranks here.
    /// </summary>
    public void BeginStep(long step)
    {
        if (IsMeasuring)
            allReduce.Regroup((Sample % 2 == 0 ? alone : together).Ends);
        else if (steps == WarmUpSteps + MeasuredSteps && bytes.Length > 1)
            Choose(step);
        allReduce.BeginStep(step);
    }

    /// <inheritdoc cref="OverlappedAllReduce.BucketReady"/>
    public void BucketReady(int bucket) => allReduce.BucketReady(bucket);

    /// <inheritdoc cref="OverlappedAllReduce.Complete"/>
    public void Complete()
    {
        allReduce.Complete();
        if (IsMeasuring)
            Record();
        steps++;
    }

    /// <inheritdoc cref="OverlappedAllReduce.Dispose"/>
    public void Dispose() => allReduce.Dispose();

    private void Record()
    {
        for (int bucket = 0; bucket < bytes.Length; bucket++)
            readyMs[bucket][Sample] = Milliseconds(allReduce.ReadyTicks[bucket]);
        if (Sample % 2 != 0)
        {
            togetherMs[Sample / 2] = Milliseconds(allReduce.ReduceTicks[0]);
            return;
        }

        for (int bucket = 0; bucket < bytes.Length; bucket++)
            aloneMs[bucket][Sample / 2] = Milliseconds(allReduce.ReduceTicks[bucket]);
    }

    private void Choose(long step)
    {
        var own = new BucketTimes(
            [.. readyMs.Select(Median)], [.. aloneMs.Select(Median)], Median(togetherMs));
        Grouping = BucketTimes.Of(own.Exchange(transport, scope, step)).Choose(bytes);
        allReduce.Regroup(Grouping.Ends);
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static double Milliseconds(long ticks) =>
        Stopwatch.GetElapsedTime(0, ticks).TotalMilliseconds;
}
