using System.Threading.Channels;
using Distributed.Kernel;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// An actor at the other end of a stream: what it is told becomes a frame, in order. When the
/// stream is gone, what it is told is dropped; whoever owns the stream reports that it ended.
/// </summary>
/// <param name="path">Names the far end in logs.</param>
/// <param name="toFrame">Makes a frame of a message.</param>
/// <param name="isLast">Whether the stream ends with this message.</param>
internal sealed class StreamLink<TFrame>(
    string path, Func<object, TFrame> toFrame, Func<object, bool>? isLast = null) : IActorRef
{
    /// <summary>A far end that falls so far behind is given up.</summary>
    private const int FramesMax = 16_384;

    private readonly Channel<TFrame> frames = Channel.CreateBounded<TFrame>(
        new BoundedChannelOptions(FramesMax) { SingleReader = true });

    public string Path => path;

    public void Tell(object message, IActorRef? sender = null)
    {
        bool written = frames.Writer.TryWrite(toFrame(message));
        if (!written || isLast?.Invoke(message) == true)
            frames.Writer.TryComplete();
    }

    /// <summary>No more frames follow; those queued are still written.</summary>
    public void Complete() => frames.Writer.TryComplete();

    /// <summary>Writes queued frames until the link is complete or the stream breaks.</summary>
    public async Task PumpAsync(Func<TFrame, Task> write, CancellationToken cancellation)
    {
        await foreach (TFrame frame in frames.Reader.ReadAllAsync(cancellation))
            await write(frame);
    }
}
