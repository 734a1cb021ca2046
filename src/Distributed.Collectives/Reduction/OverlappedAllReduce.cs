using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Distributed.Kernel;

namespace Distributed.Collectives.Reduction;

/// <summary>A contiguous part of the flat gradient that is reduced as one.</summary>
public readonly record struct BucketExtent(long Offset, long Length);

/// <summary>
/// Reduces buckets on a thread of its own while backward still computes the next ones. Every rank
/// completes its buckets in the same order, so that order is also the order on the wire.
/// </summary>
/// <remarks>
/// One thread steps (<see cref="BeginStep"/>, <see cref="BucketReady"/>, <see cref="Complete"/>);
/// the reducer's thread is inside. The last bucket has nothing left to overlap with: the stepping
/// thread, which would only wait, reduces it. A failure of the collective is thrown by Complete.
/// </remarks>
public sealed class OverlappedAllReduce : IDisposable
{
    private readonly IBucketReducer reducer;
    private readonly IReadOnlyList<BucketExtent> buckets;
    private readonly SemaphoreSlim ready = new(0);
    private readonly SemaphoreSlim done = new(0);
    private readonly Thread? thread;
    private volatile bool stopping;
    private long step;
    private int readyCount;
    private long busyTicks;
    private ExceptionDispatchInfo? failure;

    /// <param name="reducer">Used by this object only, from now on.</param>
    /// <param name="buckets">In the order in which backward completes them.</param>
    public OverlappedAllReduce(IBucketReducer reducer, IReadOnlyList<BucketExtent> buckets)
    {
        this.reducer = reducer;
        this.buckets = buckets;
        if (buckets.Count == 1)
            return;
        thread = new Thread(Run) { IsBackground = true, Name = "all-reduce" };
        thread.Start();
    }

    /// <summary>How long the last step's collectives took, overlapped or not.</summary>
    public TimeSpan CommunicationTime => Stopwatch.GetElapsedTime(0, busyTicks);

    private int Last => buckets.Count - 1;

    public void BeginStep(long step)
    {
        this.step = step;
        readyCount = 0;
        busyTicks = 0;
    }

    /// <summary>
    /// The next bucket, in order, may be reduced. Cheap: called from inside backward.
    /// </summary>
    public void BucketReady(int bucket)
    {
        Invariant.Check(bucket == readyCount, "buckets complete in their order");
        readyCount++;
        if (bucket < Last)
            ready.Release();
    }

    /// <summary>
    /// Returns when every bucket of the step holds its sum and no rank uses this rank's buffers.
    /// </summary>
    public void Complete()
    {
        Invariant.Check(readyCount == buckets.Count, "a step completes all its buckets");
        if (thread is not null)
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

    private void Reduce(int bucket)
    {
        if (failure is not null)
            return;
        long started = Stopwatch.GetTimestamp();
        try
        {
            reducer.Reduce(step, bucket, buckets[bucket].Offset, buckets[bucket].Length);
            if (bucket == Last)
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
