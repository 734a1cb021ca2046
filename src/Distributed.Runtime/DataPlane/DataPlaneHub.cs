using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// The data plane of one process: leads inbound streams to the transports that they belong to,
/// whichever comes first.
/// </summary>
public sealed class DataPlaneHub
{
    /// <summary>How long a stream waits for its generation to be opened here.</summary>
    public static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(20);

    private readonly object _gate = new();
    private readonly Dictionary<(ulong Job, int Rank), Slot> _slots = [];
    private TaskCompletionSource _opened = NewSignal();

    /// <summary>The jobs' states that peers may copy.</summary>
    internal StateServer States { get; } = new();

    /// <summary>
    /// Serves the data plane; when the server stops, open transports are cancelled.
    /// </summary>
    public void Serve(RpcEndpoints endpoints)
    {
        endpoints.Map(
            ServerServiceDefinition.CreateBuilder()
                .AddMethod(ExchangeMethod.Inbound, ExchangeAsync)
                .AddMethod(StateServer.FetchMethod, States.FetchAsync)
                .Build(),
            Protocol.DataPlane.Descriptor);
        var lifetime = endpoints.Routes.ServiceProvider
            .GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStopping.Register(() => CancelAll("its server stops"));
    }

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
            job, generation, rank, [.. peerAddresses], peerLost, Closed);
        GrpcTransport? older;
        lock (_gate)
        {
            if (!_slots.TryGetValue((job, rank), out var slot))
                _slots[(job, rank)] = slot = new Slot();
            Invariant.Check(generation > slot.Generation, "generations of a job only grow");
            older = slot.Transport;
            (slot.Generation, slot.Transport) = (generation, transport);
            _opened.SetResult();
            _opened = NewSignal();
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

    private async Task<ExchangeReply> ExchangeAsync(
        IAsyncStreamReader<PeerInbox> frames, ServerCallContext context)
    {
        var identity = ExchangeIdentity.Read(context.RequestHeaders);
        var transport = await FindAsync(identity, context.CancellationToken).ConfigureAwait(false);
        return await transport.ReadInboundAsync(identity.FromRank, frames, context)
            .ConfigureAwait(false);
    }

    private async Task<GrpcTransport> FindAsync(
        ExchangeIdentity identity, CancellationToken cancellation)
    {
        var deadline = Task.Delay(OpenTimeout, cancellation);
        while (true)
        {
            Task opened;
            lock (_gate)
            {
                if (_slots.TryGetValue((identity.Job, identity.ToRank), out var slot)
                    && slot.Generation >= identity.Generation)
                {
                    if (slot.Generation > identity.Generation) throw Over(identity, slot);
                    return slot.Transport ?? throw Over(identity, slot);
                }

                opened = _opened.Task;
            }

            if (await Task.WhenAny(opened, deadline).ConfigureAwait(false) == opened) continue;
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition,
                $"rank {identity.ToRank} of job {identity.Job} did not open generation"
                + $" {identity.Generation} within {OpenTimeout.TotalSeconds} s"));
        }
    }

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

    private static TaskCompletionSource NewSignal() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);

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
