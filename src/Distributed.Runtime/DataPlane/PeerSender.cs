using System.Threading.Channels;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// What this rank sends to one peer: one connection, one call, one loop that takes frames from a
/// queue. It is its own message object, so that a frame costs no object.
/// </summary>
internal sealed class PeerSender : IDisposable
{
    /// <summary>
    /// The queue holds references, not payloads, and Send must not wait (every rank may send all
    /// before it receives anything), so the bound is there to catch a caller who never flushes.
    /// </summary>
    internal const int QueuedFramesMax = 1 << 16;

    private readonly object _gate = new();
    private readonly Channel<QueuedFrame> _queue = Channel.CreateUnbounded<QueuedFrame>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly CancellationTokenSource _stop = new();
    private readonly RpcClient _client;
    private readonly ExchangeIdentity _identity;
    private readonly Action<string, Exception?> _lost;
    private QueuedFrame _current;
    private long _queued;
    private long _handed;
    private bool _copying;
    private bool _closing;
    private Exception? _failure;

    /// <param name="lost">Told once, with the reason, when the stream breaks or is refused.</param>
    internal PeerSender(ExchangeIdentity identity, string address, Action<string, Exception?> lost)
    {
        _identity = identity;
        _lost = lost;
        _client = new RpcClient(address);
    }

    /// <summary>The sender loop, once started.</summary>
    internal Task Completion { get; private set; } = Task.CompletedTask;

    internal void Start() => Completion = Task.Run(RunAsync);

    internal void Send(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        lock (_gate)
        {
            if (_failure is not null) throw Failures.Again(_failure);
            Invariant.Check(!_closing, "nothing is sent after the transport was disposed");
            Invariant.Check(
                _queued - _handed < QueuedFramesMax,
                "a rank flushes before it has queued 65536 frames to one peer");
            _queued++;
            _queue.Writer.TryWrite(new QueuedFrame(header, payload));
        }
    }

    internal void Flush()
    {
        lock (_gate)
        {
            var target = _queued;
            while (_handed < target && _failure is null) Monitor.Wait(_gate);
            if (_failure is not null) throw Failures.Again(_failure);
        }
    }

    /// <summary>
    /// Sends what is queued, then ends the stream; <see cref="Completion"/> tells when.
    /// </summary>
    internal void Close()
    {
        lock (_gate)
        {
            _closing = true;
            _queue.Writer.TryComplete();
        }
    }

    /// <summary>
    /// Fails blocked and later calls with this. When it returns, no payload is read any more.
    /// </summary>
    internal void Fail(Exception failure)
    {
        lock (_gate)
        {
            _failure ??= failure;
            _queue.Writer.TryComplete();
            Monitor.PulseAll(_gate);
            while (_copying) Monitor.Wait(_gate);
        }
    }

    /// <summary>Breaks the stream; the peer sees it as cancelled.</summary>
    internal Task AbortAsync() => _stop.CancelAsync();

    public void Dispose()
    {
        _client.Dispose();
        _stop.Dispose();
    }

    /// <summary>
    /// Called by the marshaller, within WriteAsync, for the frame whose turn it is.
    /// </summary>
    internal void WriteCurrent(SerializationContext context)
    {
        lock (_gate)
        {
            if (_failure is not null) throw Failures.Again(_failure);
            _copying = true;
        }

        try
        {
            FrameCodec.Write(_current.Header, _current.Payload.Span, context);
        }
        finally
        {
            lock (_gate)
            {
                _copying = false;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private async Task RunAsync()
    {
        try
        {
            var options = new CallOptions(_identity.ToMetadata(), cancellationToken: _stop.Token);
            using var call = _client.Invoker.AsyncClientStreamingCall(
                ExchangeMethod.Outbound, null, options);
            var reply = WatchReplyAsync(call.ResponseAsync);
            await SendAllAsync(call.RequestStream).ConfigureAwait(false);
            // After a failure the stream stays until AbortAsync, so that the peer can hear why
            // before it breaks.
            await reply.ConfigureAwait(false);
        }
        catch (ObjectDisposedException) when (Volatile.Read(ref _failure) is not null)
        {
            // Cancelled before the loop began.
        }
    }

    private async Task SendAllAsync(IClientStreamWriter<PeerSender> stream)
    {
        try
        {
            await SendQueuedAsync(stream).ConfigureAwait(false);
            if (Volatile.Read(ref _failure) is null)
                await stream.CompleteAsync().ConfigureAwait(false);
        }
        catch (RpcException failure)
        {
            ReportLost(failure);
        }
        catch (Exception stopped) when (stopped is
            CollectiveCancelledException or PeerLostException or OperationCanceledException
            or InvalidOperationException or IOException or HttpRequestException)
        {
            // Either the failure is known already, or the call ended and its reply says why.
        }
    }

    private async Task SendQueuedAsync(IClientStreamWriter<PeerSender> stream)
    {
        var reader = _queue.Reader;
        while (await reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (Volatile.Read(ref _failure) is null && reader.TryRead(out _current))
            {
                await stream.WriteAsync(this).ConfigureAwait(false);
                lock (_gate)
                {
                    _handed++;
                    Monitor.PulseAll(_gate);
                }
            }

            if (Volatile.Read(ref _failure) is not null) return;
        }
    }

    /// <summary>Notices a broken stream while nothing is being sent.</summary>
    private async Task WatchReplyAsync(Task<ExchangeReply> reply)
    {
        try
        {
            await reply.ConfigureAwait(false);
            if (!Volatile.Read(ref _closing)) _lost("it closed its side of the stream", null);
        }
        catch (RpcException failure)
        {
            ReportLost(failure);
        }
    }

    private void ReportLost(RpcException failure)
    {
        if (Volatile.Read(ref _failure) is not null) return;
        _lost(RpcErrors.Unreachable(failure) is { } unreachable
            ? $"{unreachable} {_client.Address}"
            : RpcErrors.Detail(failure), failure);
    }

    private readonly record struct QueuedFrame(FrameHeader Header, ReadOnlyMemory<byte> Payload);
}
