using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// The ranks of one generation, connected by one client-streaming gRPC call for each ordered pair.
/// Made by <see cref="DataPlaneHub.Open"/>.
/// </summary>
public sealed class GrpcTransport : ITransport
{
    /// <summary>How long Dispose waits until peers have taken the last frames.</summary>
    public static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long peers may take to hear the reason before their streams just break.
    /// </summary>
    private static readonly TimeSpan FarewellTime = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How long a broken inbound stream waits for the outbound one to bring the reason: a peer
    /// that cancels says why there, a peer that died breaks both at once.
    /// </summary>
    private static readonly TimeSpan ReasonTime = TimeSpan.FromMilliseconds(500);

    private readonly object _gate = new();
    private readonly ulong _job;
    private readonly IReadOnlyList<string> _addresses;
    private readonly Action<int, string>? _peerLost;
    private readonly Action<GrpcTransport> _closed;
    private readonly PeerSender?[] _senders;
    private readonly PeerInbox?[] _inboxes;
    private readonly Task?[] _inboundCalls;
    private readonly TaskCompletionSource[] _lost;
    private readonly CancellationTokenSource _ended = new();
    private bool _closing;
    private bool _closedInOrder;
    private string? _cancelReason;

    internal GrpcTransport(
        ulong job,
        int generation,
        int rank,
        IReadOnlyList<string> addresses,
        Action<int, string>? peerLost,
        Action<GrpcTransport> closed)
    {
        Invariant.Check(rank >= 0 && rank < addresses.Count, "a rank is one of the addresses");
        (_job, Generation, Rank, _addresses) = (job, generation, rank, addresses);
        (_peerLost, _closed) = (peerLost, closed);
        _senders = new PeerSender?[Size];
        _inboxes = new PeerInbox?[Size];
        _inboundCalls = new Task?[Size];
        _lost = [.. addresses.Select(_ => NewSignal())];
        for (var peer = 0; peer < Size; peer++)
        {
            if (peer == rank) continue;
            var other = peer;
            _inboxes[peer] = new PeerInbox(peer, rank);
            _senders[peer] = new PeerSender(
                new ExchangeIdentity(job, generation, rank, peer),
                addresses[peer],
                (reason, cause) => Lose(other, reason, cause));
        }
    }

    public int Rank { get; }

    public int Size => _addresses.Count;

    public int Generation { get; }

    public void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload) =>
        SenderOf(peer).Send(header, payload);

    public void Receive(int peer, in FrameHeader expected, Memory<byte> destination) =>
        InboxOf(peer).Receive(expected, destination);

    public void Flush()
    {
        foreach (var sender in _senders)
            sender?.Flush();
    }

    public void Cancel(string reason)
    {
        lock (_gate)
        {
            if (_cancelReason is not null) return;
            _cancelReason = reason;
        }

        var failure = new CollectiveCancelledException(reason);
        foreach (var inbox in _inboxes)
            inbox?.Cancel(failure);
        foreach (var sender in _senders)
            sender?.Fail(failure);
        _ = EndStreamsAsync();
    }

    /// <summary>
    /// Ends the streams in order: what was sent is delivered first, within
    /// <see cref="CloseTimeout"/>, which a Cancel cuts short. After a failure it only cleans up.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closing) return;
            _closing = true;
        }

        if (_cancelReason is null)
        {
            foreach (var sender in _senders)
                sender?.Close();
            var loops = _senders.Select((sender, peer) => sender is null
                ? Task.CompletedTask
                : Task.WhenAny(sender.Completion, _lost[peer].Task));
            var delivered = Task.WhenAll(loops).Wait(CloseTimeout);
            _closedInOrder = delivered && !_lost.Any(lost => lost.Task.IsCompleted);
        }

        _closed(this);
        Cancel($"rank {Rank} closed its transport");
    }

    internal void Start()
    {
        foreach (var sender in _senders)
            sender?.Start();
    }

    /// <summary>Reads all frames of one inbound call. Runs as that call's handler.</summary>
    internal async Task<ExchangeReply> ReadInboundAsync(
        int peer, IAsyncStreamReader<PeerInbox> frames, ServerCallContext context)
    {
        var inbox = Attach(peer, out var finished);
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(
                _ended.Token, context.CancellationToken);
            await context.WriteResponseHeadersAsync(Metadata.Empty).ConfigureAwait(false);
            inbox.EnterCall();
            while (await frames.MoveNext(stop.Token).ConfigureAwait(false))
                await inbox.RoomAsync().ConfigureAwait(false);
            inbox.Fail(LostPeer(peer, "it closed its side of the stream", null));
            return ReplyOf(inbox);
        }
        catch (FrameRefusedException refused)
        {
            var code = refused.Field == "checksum"
                ? StatusCode.DataLoss
                : StatusCode.FailedPrecondition;
            throw new RpcException(new Status(code, refused.Message));
        }
        catch (Exception broken) when (broken is
            OperationCanceledException or IOException or CollectiveCancelledException
            or PeerLostException or RpcException or InvalidDataException)
        {
            if (_ended.IsCancellationRequested || broken is CollectiveCancelledException)
                return _closedInOrder ? ReplyOf(inbox) : throw Farewell();
            await Task.WhenAny(_lost[peer].Task, Task.Delay(ReasonTime, _ended.Token))
                .ConfigureAwait(false);
            Lose(peer, "its stream broke", broken);
            var code = broken is InvalidDataException
                ? StatusCode.InvalidArgument
                : StatusCode.Aborted;
            throw new RpcException(new Status(code, broken.Message));
        }
        finally
        {
            finished.SetResult();
        }
    }

    private static ExchangeReply ReplyOf(PeerInbox inbox) =>
        new() { Frames = inbox.Frames, PayloadBytes = inbox.PayloadBytes };

    private RpcException Farewell() => new(new Status(
        StatusCode.Aborted,
        $"rank {Rank} left generation {Generation} of job {_job}: {_cancelReason}"));

    private PeerInbox Attach(int peer, out TaskCompletionSource finished)
    {
        finished = NewSignal();
        lock (_gate)
        {
            if (peer < 0 || peer >= Size || peer == Rank)
            {
                throw new RpcException(new Status(
                    StatusCode.InvalidArgument,
                    $"rank {Rank} of job {_job} has no peer {peer}: generation {Generation} has"
                    + $" ranks 0 to {Size - 1}"));
            }

            if (_cancelReason is not null)
                throw Farewell();
            if (_inboundCalls[peer] is not null)
            {
                throw new RpcException(new Status(
                    StatusCode.AlreadyExists,
                    $"rank {Rank} has had a stream of rank {peer} in generation {Generation}:"
                    + " expected one"));
            }

            _inboundCalls[peer] = finished.Task;
        }

        return InboxOf(peer);
    }

    private PeerLostException LostPeer(int peer, string reason, Exception? cause) =>
        new(Rank, peer, _addresses[peer], reason, cause);

    /// <param name="cause">None where the peer ended its stream in order.</param>
    private void Lose(int peer, string reason, Exception? cause)
    {
        lock (_gate)
        {
            if (_cancelReason is not null || !_lost[peer].TrySetResult()) return;
        }

        var failure = LostPeer(peer, reason, cause);
        InboxOf(peer).Fail(failure);
        SenderOf(peer).Fail(failure);
        if (!_closing && cause is not null) _peerLost?.Invoke(peer, failure.Message);
    }

    /// <summary>
    /// Tells peers the reason, then breaks what is left and frees the connections.
    /// </summary>
    private async Task EndStreamsAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        var calls = Task.WhenAll(_inboundCalls.OfType<Task>());
        await Task.WhenAny(calls, Task.Delay(FarewellTime)).ConfigureAwait(false);
        foreach (var sender in _senders)
        {
            if (sender is null) continue;
            await sender.AbortAsync().ConfigureAwait(false);
            await sender.Completion.ConfigureAwait(false);
            sender.Dispose();
        }
    }

    private static TaskCompletionSource NewSignal() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PeerSender SenderOf(int peer)
    {
        var sender = _senders[peer];
        Invariant.Check(sender is not null, "a rank exchanges frames with others only");
        return sender;
    }

    private PeerInbox InboxOf(int peer)
    {
        var inbox = _inboxes[peer];
        Invariant.Check(inbox is not null, "a rank exchanges frames with others only");
        return inbox;
    }
}
