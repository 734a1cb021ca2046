using Distributed.Cluster.Configuration;
using Distributed.Runtime.Tracing;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// Sends a node's metrics and traces to an OpenTelemetry collector. Where none is configured,
/// nothing of the SDK is even loaded.
/// </summary>
public sealed class OtlpExport : IDisposable
{
    /// <summary>The standard variables that turn it on.</summary>
    private static readonly string[] Variables =
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    ];

    /// <summary>Series that an instrument may have, before it tells of the rest in one.</summary>
    private const int SeriesMax = 100_000;

    /// <summary>A collector that is gone must not keep a node from ending.</summary>
    private const int FlushMs = 5_000;

    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;

    private OtlpExport(TracerProvider traces, MeterProvider metrics)
    {
        _traces = traces;
        _metrics = metrics;
    }

    /// <summary>Null where neither the settings nor the environment name a collector.</summary>
    /// <param name="settings">Of the node; an endpoint here is stronger than the
    /// environment.</param>
    /// <param name="service">What the node is: <c>coordinator</c> or <c>worker</c>.</param>
    /// <param name="instance">Which one: its name.</param>
    public static OtlpExport? Start(OtlpSettings settings, string service, string instance)
    {
        bool isWanted = settings.Endpoint.Length > 0 || Variables.Any(
            name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));
        return isWanted ? Load(settings, service, instance) : null;
    }

    /// <summary>
    /// Sends what the node's instruments say now, for the last time: those that are asked only when
    /// somebody wants to know are gone with the node. Traces go on until the disposal.
    /// </summary>
    public void StopMetrics() => _metrics.Shutdown(FlushMs);

    public void Dispose()
    {
        _traces.Shutdown(FlushMs);
        _metrics.Shutdown(FlushMs);
        _traces.Dispose();
        _metrics.Dispose();
    }

    private static OtlpExport Load(OtlpSettings settings, string service, string instance)
    {
        // What the environment says of the resource is stronger than these.
        ResourceBuilder resource = ResourceBuilder.CreateEmpty()
            .AddTelemetrySdk()
            .AddService($"distributed-{service}", serviceInstanceId: instance)
            .AddAttributes([new("host.name", Environment.MachineName)])
            .AddEnvironmentVariableDetector();
        TracerProvider traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(TraceSources.Name)
            .AddOtlpExporter(options => Set(options, settings, "v1/traces"))
            .Build();
        MeterProvider metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter("Distributed.*", "System.Runtime")
            .AddView("*", new MetricStreamConfiguration { CardinalityLimit = SeriesMax })
            .AddOtlpExporter(options => Set(options, settings, "v1/metrics"))
            .Build();
        return new OtlpExport(traces, metrics);
    }

    private static void Set(OtlpExporterOptions options, OtlpSettings settings, string path)
    {
        if (settings.Endpoint.Length == 0)
            return;
        bool isHttp = settings.Protocol == OtlpProtocol.Http;
        options.Protocol = isHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        var endpoint = new Uri(settings.Endpoint);
        // An endpoint in code is taken as it is; one for both signals stands before their paths.
        options.Endpoint = isHttp
            ? new Uri($"{settings.Endpoint.TrimEnd('/')}/{path}")
            : endpoint;
    }
}
