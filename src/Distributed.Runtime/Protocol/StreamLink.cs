using System.Threading.Channels;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// The far end of a stream as a reference: what it is told becomes a frame, in order. Once the
/// stream is closed or has ended, what it is told is a dead letter, and its watchers are told that
/// it has terminated. A far end that falls too far behind ends the stream.
/// </summary>
/// <param name="path">Names the far end in logs.</param>
/// <param name="toFrame">Makes a frame of a message; null for one that ends the stream without
/// being sent.</param>
/// <param name="isLast">Whether the stream is closed with this message.</param>
/// <param name="deadLetters">Takes what reaches nobody.</param>
internal sealed class StreamLink<TFrame>(
    string path, Func<object, TFrame?> toFrame, Func<object, bool> isLast, IActorRef deadLetters)
    : IControlLink, IDeathWatch, IDisposable
    where TFrame : class
{
    internal const int FramesMax = 16_384;

    private readonly Channel<TFrame> frames = Channel.CreateBounded<TFrame>(
        new BoundedChannelOptions(FramesMax) { SingleReader = true });

    private readonly Lock gate = new();
    private readonly CancellationTokenSource broken = new();
    private readonly List<IDeathWatch> watchers = [];
    private bool ended;
    private string? closeReason;

    public string Path => path;

    /// <summary>Why this end closed the stream; null where it did not.</summary>
    public string? CloseReason
    {
        get
        {
            lock (gate)
                return closeReason;
        }
    }

    /// <summary>Cancelled when the stream cannot be closed in order any more.</summary>
    public CancellationToken Broken => broken.Token;

    public void Tell(object message, IActorRef? sender = null)
    {
        TFrame? frame = toFrame(message);
        if (frame is not null && !frames.Writer.TryWrite(frame))
        {
            deadLetters.Tell(message, sender);
            // It is either closed, or full: then frames must not go on after a gap.
            if (CloseReason is null)
                Break($"{FramesMax} messages to it are waiting");
        }
        else if (frame is null || isLast(message))
        {
            Close("everything was said");
        }
    }

    public void Close(string reason)
    {
        lock (gate)
            closeReason ??= reason;
        frames.Writer.TryComplete();
    }

    public void AddWatcher(IDeathWatch watcher)
    {
        lock (gate)
        {
            if (!ended)
            {
                watchers.Add(watcher);
                return;
            }
        }

        watcher.TellTerminated(new Terminated(this));
    }

    public void RemoveWatcher(IDeathWatch watcher)
    {
        lock (gate)
            watchers.Remove(watcher);
    }

    /// <summary>A stream carries no such word: its far end watches nobody.</summary>
    public void TellTerminated(Terminated terminated) => deadLetters.Tell(terminated);

    /// <summary>
    /// Writes queued frames until the link is closed and all are written, or the stream breaks.
    /// </summary>
    public async Task PumpAsync(Func<TFrame, Task> write, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            cancellation, broken.Token);
        await foreach (TFrame frame in frames.Reader.ReadAllAsync(stop.Token))
            await write(frame).WaitAsync(stop.Token);
    }

    /// <summary>The stream is no more: to be called once, by whoever owns it.</summary>
    public void End(string reason)
    {
        Close(reason);
        IDeathWatch[] told;
        lock (gate)
        {
            ended = true;
            told = [.. watchers];
            watchers.Clear();
        }

        foreach (IDeathWatch watcher in told)
            watcher.TellTerminated(new Terminated(this));
    }

    public void Dispose() => broken.Dispose();

    private void Break(string reason)
    {
        Close(reason);
        // Off this thread: what waits for the stream goes on within Cancel.
        _ = broken.CancelAsync();
    }
}
