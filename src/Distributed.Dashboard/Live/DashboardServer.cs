using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Distributed.Kernel;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Distributed.Dashboard.Live;

/// <summary>
/// Serves the web page of a cluster, from a coordinator's read model. It only shows: nothing can be
/// ordered through it. The page asks no other origin for anything, and nothing but the page may
/// read what it is told.
/// </summary>
public sealed class DashboardServer : IAsyncDisposable
{
    private const int TrialsMax = 10_000;
    private const int TimelineStepsMax = 128;

    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; "
        + "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'";

    private readonly WebPort _port;
    private readonly CancellationTokenSource _stop;
    private readonly bool _hasTls;

    private DashboardServer(WebPort port, CancellationTokenSource stop, bool hasTls)
    {
        _port = port;
        _stop = stop;
        _hasTls = hasTls;
    }

    /// <summary>Where the page is, with the real port where 0 was asked for.</summary>
    public IPEndPoint Address => _port.Address;

    /// <summary>What to open in a browser on this host.</summary>
    public Uri Url => new UriBuilder(
        _hasTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp,
        Address.Address.Equals(IPAddress.Any) || Address.Address.Equals(IPAddress.IPv6Any)
            ? "127.0.0.1"
            : Address.Address.ToString(),
        Address.Port).Uri;

    /// <summary>Serves at "host:port"; port 0 takes any free one.</summary>
    /// <param name="address">Where to listen.</param>
    /// <param name="model">Stays the caller's, and outlives the server.</param>
    /// <param name="security">What visitors must show.</param>
    /// <param name="clock">Tells how often pages are told something.</param>
    /// <param name="takesAnyPort">Where that port is taken, any free one does.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="OperatingException">The address cannot be listened at.</exception>
    public static async Task<DashboardServer> StartAsync(
        string address, ClusterReadModel model, RpcSecurity security, TimeProvider clock,
        bool takesAnyPort = false, CancellationToken cancellation = default)
    {
        IPEndPoint asked = await RpcAddress.ResolveAsync(address, cancellation);
        try
        {
            return await StartAsync(asked, model, security, clock, cancellation);
        }
        catch (Exception failure) when (takesAnyPort && ListenErrors.IsInUse(failure))
        {
            return await StartAsync(
                new IPEndPoint(asked.Address, 0), model, security, clock, cancellation);
        }
        catch (Exception failure) when (ListenErrors.IsInUse(failure))
        {
            throw new OperatingException(
                $"the dashboard cannot be served at {asked}: the port is in use (ss -ltnp 'sport "
                + $"= :{asked.Port}' names by whom): stop that, or set dashboard.port to another "
                + "one; 0 takes any that is free",
                inner: failure);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw new OperatingException(
                $"the dashboard cannot be served at {asked} ({failure.Message}): expected an "
                + "address of this host and a port that this user may listen at; set "
                + "dashboard.host and dashboard.port",
                inner: failure);
        }
    }

    /// <summary>Pages that are open are told no more, and say so.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _port.DisposeAsync();
        _stop.Dispose();
    }

    private static async Task<DashboardServer> StartAsync(
        IPEndPoint address, ClusterReadModel model, RpcSecurity security, TimeProvider clock,
        CancellationToken cancellation)
    {
        var stop = new CancellationTokenSource();
        var stream = new LiveStream(model, clock);
        try
        {
            WebPort port = await WebPort.OpenAsync(
                "the dashboard", address, security,
                context => AnswerAsync(context, model, stream, stop.Token), cancellation);
            return new DashboardServer(port, stop, security.HasTls);
        }
        catch
        {
            stop.Dispose();
            throw;
        }
    }

    private static async Task AnswerAsync(
        HttpContext context, ClusterReadModel model, LiveStream stream, CancellationToken stop)
    {
        HttpRequest request = context.Request;
        HttpResponse response = context.Response;
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        if (!HttpMethods.IsGet(request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = "GET";
            return;
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, stop);
        string path = request.Path.Value ?? "/";
        if (!path.StartsWith("/api/", StringComparison.Ordinal))
        {
            await PageFiles.ServeAsync(context, path);
            return;
        }

        response.Headers.CacheControl = "no-store";
        await AnswerAsync(context, path["/api/".Length..].Split('/'), model, stream, end.Token);
    }

    private static Task AnswerAsync(
        HttpContext context, string[] path, ClusterReadModel model, LiveStream stream,
        CancellationToken cancellation) => path switch
        {
            ["events"] => stream.ServeAsync(context, cancellation),
            ["jobs", var job, "curves"] => WriteAsync(
                context,
                model.Curves(LiveViews.Number(job)) is { } curves
                    ? LiveViews.Of(curves, Query(context, "after", -1, long.MaxValue))
                    : null,
                LiveJson.Default.LiveCurves, cancellation),
            ["jobs", var job, "timeline"] => WriteAsync(
                context,
                LiveViews.Of(
                    model.Timeline(LiveViews.Number(job), afterStep: -1),
                    (int)Query(context, "steps", 24, TimelineStepsMax)),
                LiveJson.Default.LiveTimeline, cancellation),
            ["sweeps", var sweep, "trials"] => WriteAsync(
                context, Trials(context, model, LiveViews.Number(sweep)),
                LiveJson.Default.LiveTrials, cancellation),
            _ => WriteAsync(context, null, LiveJson.Default.LiveCurves, cancellation),
        };

    private static LiveTrials? Trials(HttpContext context, ClusterReadModel model, ulong number)
    {
        long version = model.Version;
        SweepView? sweep = model.Sweeps().FirstOrDefault(sweep => sweep.Sweep == number);
        return sweep is null ? null : LiveViews.Of(
            sweep, model.Trials(number, Query(context, "since", 0, long.MaxValue)), version,
            (int)Query(context, "from", 0, int.MaxValue),
            (int)Query(context, "count", TrialsMax, TrialsMax));
    }

    private static async Task WriteAsync<T>(
        HttpContext context, T? answer, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        if (answer is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(
            context.Response.BodyWriter, answer, type, cancellation);
    }

    /// <summary>What is no number, or out of bounds, counts as not said.</summary>
    private static long Query(HttpContext context, string name, long otherwise, long max) =>
        long.TryParse(context.Request.Query[name], out long value) && value >= 0 && value <= max
            ? value
            : otherwise;
}
