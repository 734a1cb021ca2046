using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Rpc;
using Microsoft.Extensions.DependencyInjection;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// A coordinator process: its actors, and the gRPC server through which all reach them.
/// </summary>
public sealed class CoordinatorNode : IAsyncDisposable
{
    /// <summary>How long a job waits for its workers.</summary>
    private static readonly TimeSpan WorkersDeadline = TimeSpan.FromSeconds(30);

    private readonly ActorLoop _loop;
    private readonly RpcServer _server;

    private CoordinatorNode(ActorLoop loop, RpcServer server)
    {
        _loop = loop;
        _server = server;
    }

    /// <summary>host:port that workers and commands dial.</summary>
    public string Address => _server.Target;

    /// <summary>Starts serving at "host:port"; port 0 takes any free one.</summary>
    /// <exception cref="OperatingException">The address cannot be listened at.</exception>
    public static async Task<CoordinatorNode> StartAsync(
        string address, Action<ActorLogRecord> log, CancellationToken cancellation)
    {
        var loop = new ActorLoop("coordinator", ProcessSeed.Draw(), log);
        IActorRef actor = loop.Spawn(
            "coordinator",
            () => new CoordinatorActor(
                () => new RunRecorder(TimeProvider.System), WorkersDeadline));
        loop.Start();
        var endpoint = new CoordinatorEndpoint(loop, actor);
        try
        {
            RpcServer server = await RpcServer.StartAsync(
                address, services => services.AddSingleton(endpoint),
                map => map.Map<CoordinatorService>(Protocol.Coordinator.Descriptor), cancellation);
            return new CoordinatorNode(loop, server);
        }
        catch
        {
            loop.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _loop.Dispose();
    }
}
