using System.Net;
using Distributed.Kernel;
using Distributed.Runtime.Rpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Distributed.Runtime.Security;

/// <summary>
/// A port that browsers and scrapers call: opened and guarded by the same settings as those that
/// nodes call. It takes no bodies, and nothing is answered to strangers.
/// </summary>
public sealed class WebPort : IAsyncDisposable
{
    private readonly WebApplication _application;

    private WebPort(WebApplication application, IPEndPoint address)
    {
        _application = application;
        Address = address;
    }

    /// <summary>Where it listens, with the real port where 0 was asked for.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Opens it.</summary>
    /// <param name="name">What an error calls it: "the dashboard".</param>
    /// <param name="address">Port 0 takes any free one.</param>
    /// <param name="security">Of this process.</param>
    /// <param name="answer">Called for those that may come in.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="OperatingException">It would be open to others without security.
    /// What Kestrel throws where it cannot listen comes as it is.</exception>
    public static async Task<WebPort> OpenAsync(
        string name, IPEndPoint address, RpcSecurity security, RequestDelegate answer,
        CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 0;
            Listen(kestrel, name, address, security);
        });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var application = builder.Build();
        application.Use(new WebGate(security).InvokeAsync);
        application.Run(answer);
        try
        {
            await application.StartAsync(cancellation);
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }

        var bound = application.Services.GetRequiredService<IServer>().Features
            .Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault();
        Invariant.Check(bound is not null, "a started server has a bound address");
        return new WebPort(application, new IPEndPoint(address.Address, new Uri(bound).Port));
    }

    /// <summary>Answers that are under way have <see cref="RpcServer.StopGrace"/> to
    /// end.</summary>
    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(RpcServer.StopGrace);
        await _application.StopAsync(limit.Token);
        await _application.DisposeAsync();
    }

    /// <summary>
    /// Has Kestrel listen there. With certificates it is HTTPS; a certificate of the cluster's
    /// authority is asked for where there is no token, because a browser has a token more easily.
    /// </summary>
    private static void Listen(
        KestrelServerOptions kestrel, string name, IPEndPoint address, RpcSecurity security)
    {
        PortSafety.Require(name, address, security);
        kestrel.Listen(address, listen =>
        {
            if (security.Tls is { } tls)
                listen.UseHttps(tls.KestrelOptions(asksForCertificate: security.Token is null));
        });
    }
}
