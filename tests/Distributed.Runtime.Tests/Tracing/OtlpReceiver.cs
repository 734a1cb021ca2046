using System.Collections.Concurrent;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Resource.V1;
using OpenTelemetry.Proto.Trace.V1;

namespace Distributed.Runtime.Tests.Tracing;

/// <summary>
/// A collector as OpenTelemetry's protocol wants it: the services of its proto files over gRPC, or
/// their messages over HTTP.
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly Received _received;
    private readonly IAsyncDisposable _server;

    private OtlpReceiver(Received received, IAsyncDisposable server, string endpoint)
    {
        _received = received;
        _server = server;
        Endpoint = endpoint;
    }

    public string Endpoint { get; }

    public IReadOnlyList<Span> Spans => [.. _received.Spans];

    /// <summary>Names of metrics that have come.</summary>
    public IReadOnlyCollection<string> Metrics => [.. _received.Metrics.Keys];

    public IReadOnlyList<Resource> Resources => [.. _received.Resources];

    public static async Task<OtlpReceiver> StartGrpcAsync()
    {
        var received = new Received();
        RpcServer server = await RpcServer.StartAsync(
            "127.0.0.1:0", services => services.AddSingleton(received),
            map =>
            {
                map.Map<TraceReceiver>(TraceServiceReflection.Descriptor.Services[0]);
                map.Map<MetricsReceiver>(MetricsServiceReflection.Descriptor.Services[0]);
            }, RpcSecurity.None);
        return new OtlpReceiver(received, server, $"http://{server.Target}");
    }

    public static async Task<OtlpReceiver> StartHttpAsync()
    {
        var received = new Received();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        WebApplication server = builder.Build();
        server.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            if (context.Request.Path == "/v1/traces")
                received.Take(ExportTraceServiceRequest.Parser.ParseFrom(body.ToArray()));
            else if (context.Request.Path == "/v1/metrics")
                received.Take(ExportMetricsServiceRequest.Parser.ParseFrom(body.ToArray()));
            else
                context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentType = "application/x-protobuf";
        });
        await server.StartAsync();
        string address = server.Services.GetRequiredService<IServer>().Features
            .Get<IServerAddressesFeature>()!.Addresses.First();
        return new OtlpReceiver(received, server, address);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>What all the requests held.</summary>
    internal sealed class Received
    {
        public ConcurrentQueue<Span> Spans { get; } = [];

        public ConcurrentDictionary<string, bool> Metrics { get; } = [];

        public ConcurrentQueue<Resource> Resources { get; } = [];

        public void Take(ExportTraceServiceRequest request)
        {
            foreach (ResourceSpans resource in request.ResourceSpans)
            {
                Resources.Enqueue(resource.Resource);
                foreach (Span span in resource.ScopeSpans.SelectMany(scope => scope.Spans))
                    Spans.Enqueue(span);
            }
        }

        public void Take(ExportMetricsServiceRequest request)
        {
            foreach (var metric in request.ResourceMetrics
                .SelectMany(resource => resource.ScopeMetrics)
                .SelectMany(scope => scope.Metrics))
            {
                Metrics[metric.Name] = true;
            }
        }
    }

    internal sealed class TraceReceiver(Received received) : TraceService.TraceServiceBase
    {
        public override Task<ExportTraceServiceResponse> Export(
            ExportTraceServiceRequest request, ServerCallContext context)
        {
            received.Take(request);
            return Task.FromResult(new ExportTraceServiceResponse());
        }
    }

    internal sealed class MetricsReceiver(Received received) : MetricsService.MetricsServiceBase
    {
        public override Task<ExportMetricsServiceResponse> Export(
            ExportMetricsServiceRequest request, ServerCallContext context)
        {
            received.Take(request);
            return Task.FromResult(new ExportMetricsServiceResponse());
        }
    }
}
