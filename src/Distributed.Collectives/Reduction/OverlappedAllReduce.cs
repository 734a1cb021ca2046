using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>A contiguous part of the flat gradient that is reduced as one.</summary>
public readonly record struct BucketExtent(long Offset, long Length);

/// <summary>When a group of buckets was reduced.</summary>
/// <param name="Start">From the step's begin.</param>
/// <param name="Bytes">Of the group's gradient, on this rank.</param>
public readonly record struct ReductionTiming(TimeSpan Start, TimeSpan Duration, long Bytes);

/// <summary>
/// Reduces buckets on a thread of its own while backward still computes the next ones. Every rank
/// completes its buckets in the same order, so that order is also the order on the wire.
/// Consecutive buckets may be grouped: they are then reduced as one, when the last of them is
/// ready.
/// </summary>
/// <remarks>
/// One thread steps (<see cref="BeginStep"/>, <see cref="BucketReady"/>, <see cref="Complete"/>);
/// the reducer's thread is inside. The last group has nothing left to overlap with: the stepping
/// thread, which would only wait, reduces it. A failure of the collective is thrown by Complete.
/// </remarks>
public sealed class OverlappedAllReduce : IDisposable
{
    private readonly IBucketReducer reducer;
    private readonly IReadOnlyList<BucketExtent> buckets;
    private readonly BucketExtent[] groups;
    private readonly int[] ends;
    private readonly long[] readyTicks;
    private readonly long[] startTicks;
    private readonly long[] reduceTicks;
    private readonly SemaphoreSlim ready = new(0);
    private readonly SemaphoreSlim done = new(0);
    private readonly Thread? thread;
    private volatile bool stopping;
    private int groupCount;
    private long step;
    private long begunTicks;
    private int readyCount;
    private int readyGroups;
    private long busyTicks;
    private ExceptionDispatchInfo? failure;

    /// <param name="reducer">Used by this object only, from now on.</param>
    /// <param name="buckets">In the order in which backward completes them; each a group at
    /// first.</param>
    public OverlappedAllReduce(IBucketReducer reducer, IReadOnlyList<BucketExtent> buckets)
    {
        this.reducer = reducer;
        this.buckets = buckets;
        groups = new BucketExtent[buckets.Count];
        ends = new int[buckets.Count];
        readyTicks = new long[buckets.Count];
        startTicks = new long[buckets.Count];
        reduceTicks = new long[buckets.Count];
        Regroup([.. Enumerable.Range(1, buckets.Count)]);
        if (buckets.Count == 1)
            return;
        thread = new Thread(Run) { IsBackground = true, Name = "all-reduce" };
        thread.Start();
    }

    /// <summary>How long the last step's collectives took, overlapped or not.</summary>
    public TimeSpan CommunicationTime => Stopwatch.GetElapsedTime(0, busyTicks);

    /// <summary>When each bucket of the last step was ready, from the step's begin.</summary>
    public ReadOnlySpan<long> ReadyTicks => readyTicks;

    /// <summary>How long each group's sum took in the last step.</summary>
    public ReadOnlySpan<long> ReduceTicks => reduceTicks.AsSpan(0, groupCount);

    /// <summary>The last step's reductions, in their order. Between two steps only.</summary>
    public IReadOnlyList<ReductionTiming> Timings() =>
    [
        .. Enumerable.Range(0, groupCount).Select(group => new ReductionTiming(
            Stopwatch.GetElapsedTime(0, startTicks[group]),
            Stopwatch.GetElapsedTime(0, reduceTicks[group]),
            groups[group].Length * sizeof(float))),
    ];

    private int Last => groupCount - 1;

    /// <summary>
    /// Reduces buckets in these groups from the next step on: on every rank in the same. Allocates
    /// nothing. Between two steps only.
    /// </summary>
    /// <param name="groupEnds">Of each group, the bucket after its last.</param>
    public void Regroup(IReadOnlyList<int> groupEnds)
    {
        int begin = 0;
        for (int group = 0; group < groupEnds.Count; group++)
        {
            ends[group] = groupEnds[group];
            groups[group] = Extent(begin, groupEnds[group]);
            begin = groupEnds[group];
        }

        Invariant.Check(begin == buckets.Count, "groups hold every bucket");
        groupCount = groupEnds.Count;
    }

    public void BeginStep(long step)
    {
        this.step = step;
        readyCount = 0;
        readyGroups = 0;
        busyTicks = 0;
        begunTicks = Stopwatch.GetTimestamp();
    }

    /// <summary>
    /// The next bucket, in order, may be reduced. Cheap: called from inside backward.
    /// </summary>
    public void BucketReady(int bucket)
    {
        Invariant.Check(bucket == readyCount, "buckets complete in their order");
        readyTicks[bucket] = Stopwatch.GetTimestamp() - begunTicks;
        readyCount++;
        if (readyCount < ends[readyGroups])
            return;
        readyGroups++;
        if (readyGroups < groupCount)
            ready.Release();
    }

    /// <summary>
    /// Returns when every bucket of the step holds its sum and no rank uses this rank's buffers.
    /// </summary>
    public void Complete()
    {
        Invariant.Check(readyCount == buckets.Count, "a step completes all its buckets");
        if (groupCount > 1)
            done.Wait();
        Reduce(Last);
        failure?.Throw();
    }

    /// <summary>
    /// Ends the thread. Cancel the transport first if a collective may be in flight.
    /// </summary>
    public void Dispose()
    {
        stopping = true;
        ready.Release();
        thread?.Join();
        ready.Dispose();
        done.Dispose();
    }

    private void Run()
    {
        int next = 0;
        while (true)
        {
            ready.Wait();
            if (stopping)
                return;
            Reduce(next);
            next = (next + 1) % Last;
            if (next == 0)
                done.Release();
        }
    }

    private BucketExtent Extent(int begin, int end)
    {
        Invariant.Check(begin < end && end <= buckets.Count, "a group holds a bucket");
        BucketExtent extent = buckets[begin];
        for (int bucket = begin + 1; bucket < end; bucket++)
        {
            BucketExtent next = buckets[bucket];
            Invariant.Check(
                next.Offset + next.Length == extent.Offset
                    || extent.Offset + extent.Length == next.Offset,
                "buckets of a group lie next to each other");
            extent = new BucketExtent(
                Math.Min(extent.Offset, next.Offset), extent.Length + next.Length);
        }

        return extent;
    }

    private void Reduce(int group)
    {
        if (failure is not null)
            return;
        long started = Stopwatch.GetTimestamp();
        startTicks[group] = started - begunTicks;
        try
        {
            reducer.Reduce(step, group, groups[group].Offset, groups[group].Length);
            reduceTicks[group] = Stopwatch.GetTimestamp() - started;
            if (group == Last)
                reducer.EndStep();
        }
        catch (Exception exception)
        {
            // Complete rethrows it: the reducer's thread has nobody to tell.
            failure = ExceptionDispatchInfo.Capture(exception);
        }

        busyTicks += Stopwatch.GetTimestamp() - started;
    }
}
