using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Microsoft.Extensions.DependencyInjection;

namespace Distributed.Runtime.Pbm;

/// <summary>Lets pbm look at a coordinator and give it orders. Ends before the coordinator
/// does.</summary>
public sealed class PbmServer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping;
    private readonly RpcServer _server;
    private int _isDisposed;

    private PbmServer(CancellationTokenSource stopping, RpcServer server)
    {
        _stopping = stopping;
        _server = server;
    }

    /// <summary>host:port that pbm dials.</summary>
    public string Address => _server.Target;

    /// <exception cref="OperatingException">The address cannot be listened at.</exception>
    public static async Task<PbmServer> StartAsync(
        CoordinatorNode coordinator, PbmOptions options, CancellationToken cancellation)
    {
        var stopping = new CancellationTokenSource();
        var node = new InspectedNode(
            options, coordinator.ReadModel, coordinator.Loop, coordinator.Actor,
            TimeProvider.System);
        try
        {
            RpcServer server = await ListenAsync(
                options.Settings.Pbm, coordinator.Security, options.MayTakeAnyPort,
                services => services.AddSingleton(node)
                    .AddSingleton(new PbmLifetime(stopping.Token)),
                cancellation);
            return new PbmServer(stopping, server);
        }
        catch
        {
            stopping.Dispose();
            throw;
        }
    }

    /// <summary>What streams is told of the end first, so that nobody has to be waited
    /// for. Safe to call twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _stopping.CancelAsync();
        await _server.DisposeAsync();
        _stopping.Dispose();
    }

    private static async Task<RpcServer> ListenAsync(
        PbmSettings settings, RpcSecurity security, bool mayTakeAnyPort,
        Action<IServiceCollection> services, CancellationToken cancellation)
    {
        try
        {
            return await ListenAsync(settings.Port);
        }
        catch (OperatingException failure) when (
            mayTakeAnyPort && settings.Port != 0 && failure.ExitCode != ExitCodes.BadUsage)
        {
            return await ListenAsync(0);
        }
        catch (OperatingException failure) when (failure.ExitCode != ExitCodes.BadUsage)
        {
            throw new OperatingException(
                $"pbm cannot be answered at {settings.Host}:{settings.Port} ({failure.Message}): "
                + "expected a free port of this machine; set pbm.port (0 takes any free one) or "
                + "pbm.host in cluster.hocon or with --set pbm.port=PORT", inner: failure);
        }

        Task<RpcServer> ListenAsync(int port) => RpcServer.StartAsync(
            $"{settings.Host}:{port}", services,
            map => map.Map<PbmService>(Protocol.Pbm.Descriptor), security, "pbm's port",
            cancellation);
    }
}
