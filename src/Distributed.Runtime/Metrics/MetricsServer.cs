using System.Net;
using System.Text;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Microsoft.AspNetCore.Http;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// Answers <c>GET /metrics</c> of a coordinator in Prometheus's text format. The format is written
/// here: OpenTelemetry's exporters for it are pre-releases, and prometheus-net keeps a series for
/// minutes after what it told of has ended.
/// </summary>
public sealed class MetricsServer : IAsyncDisposable
{
    public const string Path = "/metrics";

    private readonly WebPort _port;
    private readonly PrometheusCollector _collector;
    private readonly bool _hasTls;

    private MetricsServer(WebPort port, PrometheusCollector collector, bool hasTls)
    {
        _port = port;
        _collector = collector;
        _hasTls = hasTls;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => _port.Address;

    /// <summary>What Prometheus is to ask.</summary>
    public string Url => $"{(_hasTls ? "https" : "http")}://{Address}{Path}";

    /// <summary>Listens at "host:port"; port 0 takes any free one.</summary>
    /// <param name="node">Whose metrics it tells.</param>
    /// <param name="address">Where to listen.</param>
    /// <param name="orAnyPort">Takes another port where that one is in use.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="OperatingException">The address cannot be listened at.</exception>
    public static async Task<MetricsServer> StartAsync(
        CoordinatorNode node, string address, bool orAnyPort, CancellationToken cancellation)
    {
        IPEndPoint endPoint = await RpcAddress.ResolveAsync(address, cancellation);
        var collector = new PrometheusCollector(node.MeterScope);
        try
        {
            WebPort port;
            try
            {
                port = await ListenAsync(collector, endPoint, node.Security, cancellation);
            }
            catch (OperatingException failure) when (
                orAnyPort && endPoint.Port != 0 && failure.ExitCode != ExitCodes.BadUsage)
            {
                port = await ListenAsync(
                    collector, new IPEndPoint(endPoint.Address, 0), node.Security, cancellation);
            }

            return new MetricsServer(port, collector, node.Security.HasTls);
        }
        catch
        {
            collector.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _port.DisposeAsync();
        _collector.Dispose();
    }

    private static async Task<WebPort> ListenAsync(
        PrometheusCollector collector, IPEndPoint endPoint, RpcSecurity security,
        CancellationToken cancellation)
    {
        try
        {
            return await WebPort.OpenAsync(
                "the metrics port", endPoint, security, context => AnswerAsync(context, collector),
                cancellation);
        }
        catch (Exception failure) when (
            ListenErrors.Explain(failure, endPoint, "metrics.port") is { } explained)
        {
            throw explained;
        }
    }

    private static Task AnswerAsync(HttpContext context, PrometheusCollector collector)
    {
        HttpRequest request = context.Request;
        bool isRead = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method);
        if (request.Path != Path)
            return AnswerAsync(context, 404, "text/plain", $"metrics are at {Path}\n");
        if (isRead)
        {
            return AnswerAsync(
                context, 200, PrometheusCollector.ContentType, collector.Collect());
        }

        context.Response.Headers.Allow = "GET, HEAD";
        return AnswerAsync(context, 405, "text/plain", "metrics are read with GET\n");
    }

    private static async Task AnswerAsync(
        HttpContext context, int status, string contentType, string text)
    {
        byte[] body = Encoding.UTF8.GetBytes(text);
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(body);
    }
}
