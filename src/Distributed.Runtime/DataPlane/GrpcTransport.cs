using System.Net.Sockets;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// The ranks of one generation, connected by one client-streaming gRPC call for each ordered pair,
/// on a connection of its own. Made by <see cref="DataPlaneHub.Open"/>.
/// </summary>
/// <remarks>
/// Callers of Send and Receive do the work on their own threads, under one gate, and move bytes
/// between the sockets and their memory without a copy; see <see cref="TransportLoop"/>.
/// </remarks>
public sealed class GrpcTransport : ITransport, PeerInbox.IEvents
{
    /// <summary>How long Dispose waits until peers have taken the last frames.</summary>
    public static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a broken inbound stream waits for the outbound one to bring the reason: a peer
    /// that cancels says why there, a peer that died breaks both at once.
    /// </summary>
    private const long ReasonTimeMs = 500;

    private readonly object _gate = new();
    private readonly ulong _job;
    private readonly IReadOnlyList<string> _addresses;
    private readonly RpcSecurity _security;
    private readonly Action<int, string>? _peerLost;
    private readonly Action<GrpcTransport> _closed;
    private readonly PeerSender?[] _senders;
    private readonly PeerInbox?[] _inboxes;
    private readonly bool[] _lost;
    private readonly (Exception Cause, long DueMs)?[] _broken;
    private readonly TransportLoop _loop;
    private readonly CancellationTokenSource _ended = new();
    private bool _closing;
    private bool _closedInOrder;
    private string? _cancelReason;
    private PeerLostException? _firstLoss;
    private bool _failsTogether;

    internal GrpcTransport(
        ulong job,
        int generation,
        int rank,
        IReadOnlyList<string> addresses,
        RpcSecurity security,
        Action<int, string>? peerLost,
        Action<GrpcTransport> closed)
    {
        Invariant.Check(rank >= 0 && rank < addresses.Count, "a rank is one of the addresses");
        (_job, Generation, Rank, _addresses) = (job, generation, rank, addresses);
        (_security, _peerLost, _closed) = (security, peerLost, closed);
        Pacing = addresses.All(RpcAddress.IsLoopback)
            ? new Pacing(ChunkBytes: 256 * 1024, AheadChunks: 1)
            : new Pacing(ChunkBytes: 128 * 1024, Math.Max(1, 9 / Math.Max(1, Size - 1)));
        _senders = new PeerSender?[Size];
        _inboxes = new PeerInbox?[Size];
        _lost = new bool[Size];
        _broken = new (Exception, long)?[Size];
        for (var peer = 0; peer < Size; peer++)
        {
            if (peer == rank) continue;
            var other = peer;
            _inboxes[peer] = new PeerInbox(peer, rank, this);
            _senders[peer] = new PeerSender(
                new ExchangeIdentity(job, generation, rank, peer),
                addresses[peer],
                security,
                (reason, cause) => Lose(other, reason, cause));
        }

        _loop = new TransportLoop(_gate, _inboxes, _senders, Watch);
    }

    public int Rank { get; }

    public int Size => _addresses.Count;

    /// <summary>
    /// Between machines a good mebibyte over all peers: a link of 1 Gb/s carries it in 9 ms. With
    /// more the streams to several peers get into each other's way. Within one machine, where bytes
    /// that wait only fall out of the caches, little for each. Measured with bench allreduce and
    /// deploy/netns-bench.
    /// </summary>
    public Pacing Pacing { get; }

    public int Generation { get; }

    /// <summary>
    /// Raised, under the gate, when a peer is lost or the transport is cancelled: those who wait
    /// for peers elsewhere ask for the <see cref="Failure"/>. Must not block.
    /// </summary>
    internal event Action? Disturbed;

    public void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        var sender = SenderOf(peer);
        lock (_gate)
        {
            sender.Send(header, payload);
            _loop.NoteSent(sender);
        }
    }

    public void Receive(int peer, in FrameHeader expected, Memory<byte> destination)
    {
        var inbox = InboxOf(peer);
        lock (_gate)
        {
            try
            {
                inbox.Post(expected, destination);
                // Sends go on while this rank receives, so nobody waits for the other.
                foreach (var sender in _senders)
                    sender?.Pump();
                inbox.Pump();
                while (!inbox.IsFilled())
                {
                    ThrowIfAnyIsLost();
                    _loop.Wait(peer);
                }
            }
            finally
            {
                inbox.Unpost();
            }
        }
    }

    public void Flush()
    {
        lock (_gate)
        {
            foreach (var sender in _senders)
            {
                if (sender is null) continue;
                var frames = sender.QueuedFrames;
                sender.Pump();
                while (!sender.HasHanded(frames))
                {
                    ThrowIfAnyIsLost();
                    _loop.Wait(TransportLoop.Everyone);
                }
            }
        }
    }

    public void Cancel(string reason)
    {
        lock (_gate)
        {
            if (_cancelReason is not null) return;
            _cancelReason = reason;
            var failure = new CollectiveCancelledException(reason);
            // The reason first: it must not come after the end of what this rank sends.
            foreach (var inbox in _inboxes)
            {
                inbox?.Cancel(failure);
                if (_closedInOrder) inbox?.EndCallInOrder();
                else inbox?.EndCall(Farewell().Status);
            }

            foreach (var sender in _senders)
                sender?.Fail(failure);
            _loop.Dispose();
            Disturbed?.Invoke();
        }

        _ended.Cancel();
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
            if (_cancelReason is null) CloseInOrder();
        }

        _closed(this);
        Cancel($"rank {Rank} closed its transport");
    }

    /// <summary>
    /// From now on the loss of any peer ends what waits for another one: where ranks wait for each
    /// other in a row, one of them may wait in vain for a peer that is there.
    /// </summary>
    internal void FailTogether()
    {
        lock (_gate)
        {
            _failsTogether = true;
            _loop.Wake();
        }
    }

    /// <summary>Why a collective of all ranks cannot go on; null while it can.</summary>
    internal Exception? Failure()
    {
        lock (_gate)
        {
            return _cancelReason is null
                ? _firstLoss
                : new CollectiveCancelledException(_cancelReason);
        }
    }

    internal void Start()
    {
        _loop.Start();
        for (var peer = 0; peer < Size; peer++)
        {
            if (peer == Rank) continue;
            var other = peer;
            Task.Run(() => Dial(other));
        }
    }

    /// <summary>
    /// Reads all frames of one inbound call. Blocks that call's thread until the call has ended.
    /// </summary>
    /// <exception cref="RpcException">The call is refused.</exception>
    /// <exception cref="IOException">The call's connection is no more.</exception>
    internal void Serve(int peer, ServerCall call)
    {
        using var inbound = new InboundCall(call);
        lock (_gate)
        {
            Admit(peer).Open(inbound);
            _loop.Wake();
        }

        inbound.WaitUntilReleased();
    }

    void PeerInbox.IEvents.Ended(int peer)
    {
        InboxOf(peer).Fail(LostPeer(peer, "it closed its side of the stream", null));
        InboxOf(peer).EndCallInOrder();
    }

    void PeerInbox.IEvents.Broke(int peer, Exception cause)
    {
        if (_cancelReason is not null || _lost[peer]) return;
        _broken[peer] ??= (cause, Environment.TickCount64 + ReasonTimeMs);
        _loop.Wake();
    }

    private RpcException Farewell() => new(new Status(
        StatusCode.Aborted,
        $"rank {Rank} left generation {Generation} of job {_job}: {_cancelReason}"));

    private PeerInbox Admit(int peer)
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
        if (InboxOf(peer).WasOpened)
        {
            throw new RpcException(new Status(
                StatusCode.AlreadyExists,
                $"rank {Rank} has had a stream of rank {peer} in generation {Generation}:"
                + " expected one"));
        }

        return InboxOf(peer);
    }

    private void Dial(int peer)
    {
        try
        {
            var channel = ChannelDialer.Dial(_addresses[peer], _security, _ended.Token);
            lock (_gate)
            {
                if (_cancelReason is null && !_lost[peer])
                    SenderOf(peer).Attach(channel, Environment.TickCount64);
                else
                    channel.Dispose();
                _loop.Wake();
            }
        }
        catch (SocketException failure)
        {
            var reason = RpcErrors.Unreachable(failure.SocketErrorCode) is { } unreachable
                ? $"{unreachable} {_addresses[peer]}"
                : failure.Message;
            lock (_gate)
                Lose(peer, reason, failure);
        }
        catch (TlsException distrust)
        {
            lock (_gate)
                Lose(peer, $"{_addresses[peer]} {distrust.Message}", distrust);
        }
        catch (OperationCanceledException)
        {
            // The transport has ended before there was a connection.
        }
    }

    /// <summary>Waits until every peer has said that it has all, or is gone.</summary>
    private void CloseInOrder()
    {
        foreach (var sender in _senders)
            sender?.Close();
        var deadlineMs = Environment.TickCount64 + (long)CloseTimeout.TotalMilliseconds;
        while (_cancelReason is null && !IsDelivered() && Environment.TickCount64 < deadlineMs)
            _loop.Wait(TransportLoop.Everyone, deadlineMs);
        _closedInOrder = IsDelivered() && !_lost.Contains(true);
    }

    private bool IsDelivered()
    {
        for (var peer = 0; peer < Size; peer++)
            if (_senders[peer] is { IsDone: false } && !_lost[peer]) return false;
        return true;
    }

    /// <summary>What time brings about; see <see cref="TransportLoop"/>.</summary>
    private long Watch(long nowMs)
    {
        var dueMs = long.MaxValue;
        for (var peer = 0; peer < Size; peer++)
        {
            if (peer == Rank || _lost[peer]) continue;
            dueMs = Math.Min(dueMs, SenderOf(peer).Watch(nowMs));
            if (_broken[peer] is { } broken)
            {
                dueMs = Math.Min(dueMs, broken.DueMs);
                if (broken.DueMs <= nowMs) Lose(peer, "its stream broke", broken.Cause);
            }

            // Whoever waits must see it before it waits on.
            if (_lost[peer]) dueMs = nowMs;
        }

        return dueMs;
    }

    private PeerLostException LostPeer(int peer, string reason, Exception? cause) =>
        new(Rank, peer, _addresses[peer], reason, cause);

    /// <summary>Under the gate.</summary>
    /// <param name="peer">Who is lost.</param>
    /// <param name="reason">For people.</param>
    /// <param name="cause">None where the peer ended its stream in order.</param>
    private void Lose(int peer, string reason, Exception? cause)
    {
        if (_cancelReason is not null || _lost[peer]) return;
        _lost[peer] = true;
        var failure = LostPeer(peer, reason, cause);
        InboxOf(peer).Fail(failure);
        InboxOf(peer).EndCall(new Status(StatusCode.Aborted, failure.Message));
        SenderOf(peer).Fail(failure);
        _firstLoss ??= failure;
        _loop.Wake();
        Disturbed?.Invoke();
        if (_closing || cause is null || _peerLost is null) return;
        ThreadPool.QueueUserWorkItem(_ => _peerLost(peer, failure.Message));
    }

    private void ThrowIfAnyIsLost()
    {
        if (_failsTogether && _firstLoss is not null) throw Failures.Again(_firstLoss);
    }

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
