using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// The data plane of one process: leads inbound streams to the transports that they belong to,
/// whichever comes first. A <see cref="DataPlaneServer"/> brings the streams.
/// </summary>
/// <param name="security">What peers must show, and are shown.</param>
public sealed class DataPlaneHub(RpcSecurity security)
{
    /// <summary>How long a stream waits for its generation to be opened here.</summary>
    public static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(20);

    /// <summary>How often a waiting call looks whether its caller is still there.</summary>
    private static readonly TimeSpan OpenSlice = TimeSpan.FromMilliseconds(100);

    private readonly object _gate = new();
    private readonly Dictionary<(ulong Job, int Rank), Slot> _slots = [];

    internal RpcSecurity Security => security;

    /// <summary>The jobs' states that peers may copy.</summary>
    internal StateServer States { get; } = new();

    /// <summary>
    /// Connects a rank of a new generation with its peers. An older generation of the same rank
    /// that is still open is cancelled, and its late streams are refused from now on.
    /// </summary>
    /// <param name="peerAddresses">host:port by rank; this rank's own is not used.</param>
    /// <param name="peerLost">
    /// Told the rank and one line when a peer is lost, even while nothing is exchanged with it.
    /// Runs on a thread of the pool.
    /// </param>
    public GrpcTransport Open(
        ulong job,
        int generation,
        int rank,
        IReadOnlyList<string> peerAddresses,
        Action<int, string>? peerLost = null)
    {
        var transport = new GrpcTransport(
            job, generation, rank, [.. peerAddresses], security, peerLost, Closed);
        GrpcTransport? older;
        lock (_gate)
        {
            if (!_slots.TryGetValue((job, rank), out var slot))
                _slots[(job, rank)] = slot = new Slot();
            Invariant.Check(generation > slot.Generation, "generations of a job only grow");
            older = slot.Transport;
            (slot.Generation, slot.Transport) = (generation, transport);
            Monitor.PulseAll(_gate);
        }

        older?.Cancel($"generation {generation} has begun");
        transport.Start();
        return transport;
    }

    /// <summary>Cancels every open transport of this process.</summary>
    public void CancelAll(string reason)
    {
        GrpcTransport[] open;
        lock (_gate)
            open = [.. _slots.Values.Select(slot => slot.Transport).OfType<GrpcTransport>()];
        foreach (var transport in open)
            transport.Cancel(reason);
    }

    /// <summary>Has the transport that a call is for read it; blocks until it has ended.</summary>
    /// <exception cref="RpcException">The call is refused.</exception>
    /// <exception cref="IOException">The call's connection is no more.</exception>
    internal void Exchange(ServerCall call)
    {
        var identity = ExchangeIdentity.Read(call.Headers);
        Find(identity, call.Connection.Channel).Serve(identity.FromRank, call);
    }

    private GrpcTransport Find(ExchangeIdentity identity, ByteChannel caller)
    {
        var deadlineMs = Environment.TickCount64 + (long)OpenTimeout.TotalMilliseconds;
        lock (_gate)
        {
            while (true)
            {
                if (_slots.TryGetValue((identity.Job, identity.ToRank), out var slot)
                    && slot.Generation >= identity.Generation)
                {
                    if (slot.Generation > identity.Generation) throw Over(identity, slot);
                    return slot.Transport ?? throw Over(identity, slot);
                }

                if (Environment.TickCount64 >= deadlineMs) throw NeverOpened(identity);
                Monitor.Wait(_gate, OpenSlice);
                if (caller.Wait(ByteChannel.HungUp, TimeSpan.Zero))
                    throw new IOException("it went before its generation was opened");
            }
        }
    }

    private static RpcException NeverOpened(ExchangeIdentity identity) => new(new Status(
        StatusCode.FailedPrecondition,
        $"rank {identity.ToRank} of job {identity.Job} did not open generation"
        + $" {identity.Generation} within {OpenTimeout.TotalSeconds} s"));

    private static RpcException Over(ExchangeIdentity identity, Slot slot) => new(new Status(
        StatusCode.FailedPrecondition,
        $"generation {identity.Generation} of job {identity.Job} is over at rank"
        + $" {identity.ToRank}: expected generation"
        + $" {(slot.Transport is null ? slot.Generation + 1 : slot.Generation)} or later"));

    private void Closed(GrpcTransport transport)
    {
        lock (_gate)
        {
            foreach (var slot in _slots.Values)
                if (ReferenceEquals(slot.Transport, transport)) slot.Transport = null;
        }
    }

    /// <summary>
    /// Made by Open alone, never by a stream, so that strangers cannot fill the table. It stays
    /// when a job ends, a few words, so that late streams are refused.
    /// </summary>
    private sealed class Slot
    {
        public int Generation { get; set; } = -1;

        public GrpcTransport? Transport { get; set; }
    }
}
