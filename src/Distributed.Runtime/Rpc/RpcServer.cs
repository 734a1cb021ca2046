using System.Net;
using Distributed.Kernel;
using Distributed.Runtime.Security;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Grpc.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Distributed.Runtime.Rpc;

/// <summary>
/// A gRPC server on HTTP/2, with TLS where its security has it. It reads no configuration file and
/// no environment variable, logs nothing, and leaves signals to the program. Health and reflection
/// (v1 and v1alpha) come with every server; health alone is answered without the token.
/// </summary>
public sealed class RpcServer : IAsyncDisposable
{
    /// <summary>How long calls in progress may go on after a stop was asked for.</summary>
    public static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);

    private const int WindowBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan PingAfterSilence = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);

    private readonly WebApplication _application;
    private readonly HealthServiceImpl _health;
    private int _stopped;

    private RpcServer(WebApplication application, HealthServiceImpl health, IPEndPoint address)
    {
        _application = application;
        _health = health;
        Address = address;
    }

    /// <summary>Where the server listens, with the real port where 0 was asked for.</summary>
    public IPEndPoint Address { get; }

    /// <summary>What others dial: host:port.</summary>
    public string Target => Address.ToString();

    /// <summary>Listens at "host:port"; port 0 takes any free one.</summary>
    /// <exception cref="OperatingException">
    /// The address is taken, is not this machine's, or is open to others without security.
    /// </exception>
    public static async Task<RpcServer> StartAsync(
        string address,
        Action<IServiceCollection> configureServices,
        Action<RpcEndpoints> map,
        RpcSecurity security,
        string port = "the control port",
        CancellationToken cancellation = default)
    {
        var endPoint = await RpcAddress.ResolveAsync(address, cancellation).ConfigureAwait(false);
        return await StartAsync(
            endPoint, configureServices, map, security, port, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Listens at an end point; port 0 takes any free one.</summary>
    /// <exception cref="OperatingException">
    /// The address is taken, is not this machine's, or is open to others without security.
    /// </exception>
    public static async Task<RpcServer> StartAsync(
        IPEndPoint address,
        Action<IServiceCollection> configureServices,
        Action<RpcEndpoints> map,
        RpcSecurity security,
        string port = "the control port",
        CancellationToken cancellation = default)
    {
        PortSafety.Require(port, address, security);
        var application = Build(address, configureServices, security);
        var health = application.Services.GetRequiredService<HealthServiceImpl>();
        try
        {
            if (security.Token is not null) application.Use(TokenGate.For(security));
            MapServices(application, map);
            await application.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            if (ListenErrors.Explain(failure, address) is { } explained) throw explained;
            throw;
        }

        return new RpcServer(application, health, BoundAddress(application, address));
    }

    /// <summary>
    /// Refuses new calls, gives those in progress the grace, then breaks them. Safe to call twice.
    /// </summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0) return;
        _health.ClearAll();
        using var limit = new CancellationTokenSource(grace);
        await _application.StopAsync(limit.Token).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync() => await StopAsync(StopGrace).ConfigureAwait(false);

    private static WebApplication Build(
        IPEndPoint address, Action<IServiceCollection> configureServices, RpcSecurity security)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            Tune(kestrel);
            kestrel.Listen(address, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (security.Tls is { } tls)
                    listen.UseHttps(tls.KestrelOptions(asksForCertificate: true));
            });
        });
        var services = builder.Services;
        services.AddRoutingCore();
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = null;
            grpc.MaxSendMessageSize = null;
            grpc.Interceptors.Add<OperatingErrorInterceptor>();
        });
        services.AddSingleton<IHostLifetime, NoLifetime>();
        services.AddSingleton<IMemoryPoolFactory<byte>, RpcMemoryPoolFactory>();
        services.AddSingleton<HealthServiceImpl>();
        configureServices(services);
        return builder.Build();
    }

    private static void Tune(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxRequestBodySize = null;
        limits.MaxRequestBufferSize = WindowBytes;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.Http2.InitialConnectionWindowSize = WindowBytes;
        limits.Http2.InitialStreamWindowSize = WindowBytes;
        limits.Http2.KeepAlivePingDelay = PingAfterSilence;
        limits.Http2.KeepAlivePingTimeout = PingTimeout;
    }

    private static void MapServices(WebApplication application, Action<RpcEndpoints> map)
    {
        var endpoints = new RpcEndpoints(application);
        map(endpoints);
        endpoints.Map<HealthServiceImpl>(Health.Descriptor);
        var health = application.Services.GetRequiredService<HealthServiceImpl>();
        health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
        foreach (var service in endpoints.Services)
        {
            health.SetStatus(
                service.FullName, HealthCheckResponse.Types.ServingStatus.Serving);
        }

        var older = Grpc.Reflection.V1Alpha.ServerReflection.Descriptor;
        var newer = Grpc.Reflection.V1.ServerReflection.Descriptor;
        Google.Protobuf.Reflection.ServiceDescriptor[] all =
            [.. endpoints.Services, older, newer];
        application.MapGrpcService(Grpc.Reflection.V1Alpha.ServerReflection.BindService(
            new ReflectionServiceImpl(all)));
        application.MapGrpcService(Grpc.Reflection.V1.ServerReflection.BindService(
            new ReflectionV1ServiceImpl(all)));
    }

    private static IPEndPoint BoundAddress(WebApplication application, IPEndPoint asked)
    {
        var server = application.Services.GetRequiredService<IServer>();
        var bound = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault();
        Invariant.Check(bound is not null, "a started server has a bound address");
        return new IPEndPoint(asked.Address, new Uri(bound).Port);
    }
}
