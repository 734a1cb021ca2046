using System.Collections.Concurrent;
using Distributed.Runtime.SharedMemory;

namespace Distributed.Runtime.Showing;

/// <summary>
/// A thread of low priority for work that may be left undone: what finds too much waiting is
/// dropped and counted, and the first failure is told and leaves all further work undone.
/// </summary>
internal sealed class BackgroundThread : IDisposable
{
    /// <summary>
    /// Far below training, and not so low that a garbage collection waits long for the thread.
    /// </summary>
    private const int Niceness = 10;

    private readonly BlockingCollection<Item> _waiting;
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<Exception> _failed;
    private readonly Thread _thread;
    private long _busyNs;
    private volatile bool _hasFailed;

    /// <param name="name">Of the thread.</param>
    /// <param name="waitingMax">More than so many pieces of work do not wait.</param>
    /// <param name="failed">Is told of the first failure, on this thread.</param>
    public BackgroundThread(string name, int waitingMax, Action<Exception> failed)
    {
        _waiting = new BlockingCollection<Item>(waitingMax);
        _failed = failed;
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Pieces of work that found no room.</summary>
    public long Dropped { get; private set; }

    /// <summary>Processor time of the work that was done.</summary>
    public TimeSpan Busy => TimeSpan.FromMicroseconds(Volatile.Read(ref _busyNs) / 1e3);

    /// <summary>
    /// False where too much waits. The token is cancelled when the thread is to end. To be called
    /// by one thread.
    /// </summary>
    public bool TryPost(Action<CancellationToken> work)
    {
        if (!_hasFailed && _waiting.TryAdd(new Item(work, IsMark: false)))
            return true;
        Dropped++;
        return false;
    }

    /// <summary>
    /// Waits until all that was posted is done. False where the limit or the cancellation came
    /// first.
    /// </summary>
    public bool Drain(TimeSpan limit, CancellationToken cancellation)
    {
        // Not disposed of: after the limit the thread may still come to set it.
        var done = new ManualResetEventSlim();
        long endsAt = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        try
        {
            return _waiting.TryAdd(
                    new Item(_ => done.Set(), IsMark: true), (int)limit.TotalMilliseconds,
                    cancellation)
                && done.Wait(
                    (int)Math.Max(0, endsAt - Environment.TickCount64), cancellation);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Leaves undone what waits, and returns once the thread has ended.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _waiting.CompleteAdding();
        _thread.Join();
        _waiting.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        LibC.LowerPriority(Niceness);
        foreach ((Action<CancellationToken> work, bool isMark) in
            _waiting.GetConsumingEnumerable())
        {
            if (_stop.IsCancellationRequested || (_hasFailed && !isMark))
                continue;
            long began = LibC.ThreadTimeNs();
            try
            {
                work(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                // The thread is to end.
            }
            catch (Exception failure)
            {
                // Whatever it is, a broken invariant too: no run is lost for what is shown of it.
                _hasFailed = true;
                _failed(failure);
            }

            Volatile.Write(ref _busyNs, _busyNs + LibC.ThreadTimeNs() - began);
        }
    }

    /// <param name="Work">To be done.</param>
    /// <param name="IsMark">It only says that all before it is done.</param>
    private readonly record struct Item(Action<CancellationToken> Work, bool IsMark);
}
