using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Recording;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Store;
using Distributed.Runtime.Sweeps;
using Microsoft.Extensions.DependencyInjection;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// A coordinator process: its actors, and the gRPC server through which all reach them. Several
/// with the same store are one cluster's: one of them acts, the others stand by.
/// </summary>
public sealed class CoordinatorNode : IAsyncDisposable
{
    private readonly ActorLoop _loop;
    private readonly SqlClusterStore _store;
    private readonly TrialPort _trials;
    private readonly RpcServer _server;

    private readonly IActorRef _shutdown;

    private CoordinatorNode(
        ActorLoop loop, IActorRef shutdown, SqlClusterStore store, TrialPort trials,
        RpcServer server, string address)
    {
        _loop = loop;
        _shutdown = shutdown;
        _store = store;
        _trials = trials;
        _server = server;
        Address = address;
    }

    /// <summary>host:port that workers and commands dial.</summary>
    public string Address { get; }

    /// <summary>Starts serving at "host:port"; port 0 takes any free one.</summary>
    /// <param name="address">Where to listen.</param>
    /// <param name="announce">The address that others dial, made of the port that was
    /// bound.</param>
    /// <param name="storeLocation">What all coordinators of the cluster share: a file, or the URL
    /// of a PostgreSQL database.</param>
    /// <param name="settings">How patient the coordinator is.</param>
    /// <param name="shutdownPhaseTimeout">How long each phase of an orderly shutdown may
    /// take.</param>
    /// <param name="log">Takes the actors' log.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="OperatingException">The address cannot be listened at, or the store not
    /// be opened.</exception>
    public static async Task<CoordinatorNode> StartAsync(
        string address, Func<int, string> announce, string storeLocation,
        CoordinatorSettings settings, TimeSpan shutdownPhaseTimeout, Action<ActorLogRecord> log,
        CancellationToken cancellation)
    {
        ulong incarnation = ProcessSeed.Draw();
        SqlClusterStore store = await SqlClusterStore.OpenAsync(
            storeLocation, HostIdentity.Current, TimeProvider.System);
        var trials = new TrialPort();
        var loop = new ActorLoop("coordinator", incarnation, log);
        loop.Start();
        try
        {
            // Calls may come before the actor is there, which has to know the port first.
            var actor = new TaskCompletionSource<IActorRef>(
                TaskCreationOptions.RunContinuationsAsynchronously);
            var endpoint = new CoordinatorEndpoint(loop, actor.Task);
            RpcServer server = await RpcServer.StartAsync(
                address, services => services.AddSingleton(endpoint),
                map => map.Map<CoordinatorService>(Protocol.Coordinator.Descriptor), cancellation);
            var identity = new CoordinatorIdentity(
                $"{Environment.MachineName}-{Environment.ProcessId}", incarnation,
                HostIdentity.Current, Environment.ProcessId, announce(server.Address.Port));
            actor.SetResult(loop.Spawn(
                "coordinator",
                () => new CoordinatorActor(
                    identity, store, () => new RunRecorder(TimeProvider.System), trials,
                    settings)));
            IActorRef shutdown = loop.Spawn(
                CoordinatedShutdown.ActorName,
                () => new CoordinatedShutdown(shutdownPhaseTimeout));
            return new CoordinatorNode(loop, shutdown, store, trials, server, identity.Address);
        }
        catch
        {
            loop.Dispose();
            await trials.DisposeAsync();
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Stops acting first, so that the links end with a word and a standby need not wait.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _shutdown.Tell(new RunShutdown("the process was asked to stop"));
        await _loop.Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _trials.DisposeAsync();
        await _store.DisposeAsync();
        await _server.DisposeAsync();
    }
}
