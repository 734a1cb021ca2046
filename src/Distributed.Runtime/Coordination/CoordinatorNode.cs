using Distributed.Cluster.Coordination;
using Distributed.Cluster.Observers;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Metrics;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Runtime.Store;
using Distributed.Runtime.Sweeps;
using Distributed.Runtime.Tracing;
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
    private readonly IReadOnlyList<IDisposable> _metrics;

    private CoordinatorNode(
        ActorLoop loop, IActorRef actor, IActorRef shutdown, SqlClusterStore store,
        TrialPort trials, RpcServer server, RpcSecurity security, ClusterReadModel readModel,
        object meterScope, IReadOnlyList<IDisposable> metrics)
    {
        _loop = loop;
        Actor = actor;
        _shutdown = shutdown;
        _store = store;
        _trials = trials;
        _server = server;
        Security = security;
        ReadModel = readModel;
        MeterScope = meterScope;
        _metrics = metrics;
        Address = readModel.Overview().Address;
    }

    /// <summary>host:port that workers and commands dial.</summary>
    public string Address { get; }

    /// <summary>What it shows of the cluster.</summary>
    public ClusterReadModel ReadModel { get; }

    /// <summary>Takes the orders of people.</summary>
    internal IActorRef Actor { get; }

    internal ActorLoop Loop => _loop;

    internal RpcSecurity Security { get; }
    /// <summary>The scope of this coordinator's meters.</summary>
    public object MeterScope { get; }

    /// <summary>Starts serving at "host:port"; port 0 takes any free one.</summary>
    /// <param name="address">Where to listen.</param>
    /// <param name="announce">The address that others dial, made of the port that was
    /// bound.</param>
    /// <param name="storeLocation">What all coordinators of the cluster share: a file, or the URL
    /// of a PostgreSQL database.</param>
    /// <param name="settings">How patient the coordinator is.</param>
    /// <param name="shutdownPhaseTimeout">How long each phase of an orderly shutdown may
    /// take.</param>
    /// <param name="security">What callers must show.</param>
    /// <param name="log">Takes the actors' log.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="OperatingException">The address cannot be listened at, or the store not
    /// be opened.</exception>
    public static async Task<CoordinatorNode> StartAsync(
        string address, Func<int, string> announce, string storeLocation,
        CoordinatorSettings settings, TimeSpan shutdownPhaseTimeout, RpcSecurity security,
        Action<ActorLogRecord> log, CancellationToken cancellation)
    {
        ulong incarnation = ProcessSeed.Draw();
        object meterScope = new();
        var storeMetrics = new StoreMetrics(meterScope);
        SqlClusterStore store = await SqlClusterStore.OpenAsync(
            storeLocation, HostIdentity.Current, TimeProvider.System, storeMetrics);
        var trials = new TrialPort();
        ClusterReadModel? readModel = null;
        var loop = new ActorLoop(
            "coordinator", incarnation,
            record =>
            {
                log(record);
                readModel?.Tell(record);
            });
        loop.Start();
        try
        {
            // Calls may come before the actor is there, which has to know the port first.
            var actor = new TaskCompletionSource<IActorRef>(
                TaskCreationOptions.RunContinuationsAsynchronously);
            var endpoint = new CoordinatorEndpoint(loop, actor.Task);
            RpcServer server = await RpcServer.StartAsync(
                address, services => services.AddSingleton(endpoint),
                map => map.Map<CoordinatorService>(Protocol.Coordinator.Descriptor), security,
                cancellation: cancellation);
            var identity = new CoordinatorIdentity(
                $"{Environment.MachineName}-{Environment.ProcessId}", incarnation,
                HostIdentity.Current, Environment.ProcessId, announce(server.Address.Port));
            readModel = new ClusterReadModel(identity.Address, TimeProvider.System);
            var clusterMetrics = new ClusterMetrics(readModel, meterScope, TimeProvider.System);
            var nodeMetrics = new NodeMetrics(loop, store, meterScope, TimeProvider.System);
            loop.Call(system =>
            {
                foreach (Type type in ClusterReadModel.EventTypes)
                    system.Events.Subscribe(readModel, type);
                system.Events.Subscribe(new RegroupTraces(), typeof(JobHappened));
                return true;
            });
            IActorRef coordinator = loop.Spawn(
                "coordinator",
                () => new CoordinatorActor(
                    identity, store, () => nodeMetrics.NewRecorder(TimeProvider.System), trials,
                    settings));
            actor.SetResult(coordinator);
            IActorRef shutdown = loop.Spawn(
                CoordinatedShutdown.ActorName,
                () => new CoordinatedShutdown(shutdownPhaseTimeout));
            return new CoordinatorNode(
                loop, coordinator, shutdown, store, trials, server, security, readModel,
                meterScope,
                [clusterMetrics, nodeMetrics, storeMetrics]);
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
        await ReadModel.DisposeAsync();
        foreach (IDisposable metrics in _metrics)
            metrics.Dispose();
    }
}
