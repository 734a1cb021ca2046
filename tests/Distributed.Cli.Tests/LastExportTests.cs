using System.Net;
using System.Net.Sockets;
using System.Text;
using Distributed.Cli.Commands;
using Distributed.Cli.Nodes;

namespace Distributed.Cli.Tests;

/// <summary>
/// Goal: what a coordinator last knew reaches its collector, although it ends long before the next
/// regular export. Method: a coordinator in this process that is asked to stop at once.
/// </summary>
public sealed class LastExportTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task TheLastExportHoldsTheClustersMetrics()
    {
        string folder = Directory.CreateTempSubdirectory("export-tests-").FullName;
        using HttpListener collector = Listen(out string endpoint);
        var received = new StringBuilder();
        Task receiving = ReceiveAsync(collector, received);
        using var stop = new CancellationTokenSource();
        using var output = new FirstLine();
        Task<int> running = NodeCommands.Instance.CoordinatorAsync(
            new NodeOptions(
                null,
                [
                    $"coordination.store=\"{Path.Combine(folder, "cluster.db")}\"",
                    "remote.hostname=127.0.0.1", "remote.port=0", "pbm.port=0",
                    "dashboard.port=0", "metrics.port=off",
                    $"telemetry.otlp.endpoint=\"{endpoint}\"", "telemetry.otlp.protocol=http",
                ],
                Supervised: false),
            new Terminal(output, TextWriter.Null, false, false, 100, new ManualClock()),
            stop.Token);
        await (await Task.WhenAny(output.Said, running)).WaitAsync(Patience);
        await stop.CancelAsync();
        Assert.Equal(0, await running.WaitAsync(Patience));
        collector.Stop();
        await receiving.WaitAsync(Patience);
        Directory.Delete(folder, recursive: true);
        Assert.Contains(
            "distributed.cluster.term", received.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "distributed.actors.count", received.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Keeps what it is sent: names stand in protobuf's bytes as they are.</summary>
    private static async Task ReceiveAsync(HttpListener collector, StringBuilder received)
    {
        try
        {
            while (true)
            {
                HttpListenerContext context = await collector.GetContextAsync();
                using var body = new StreamReader(
                    context.Request.InputStream, Encoding.Latin1);
                received.Append(await body.ReadToEndAsync());
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
        }
        catch (Exception failure) when (
            failure is HttpListenerException or InvalidOperationException)
        {
            // It was stopped.
        }
    }

    private sealed class FirstLine : StringWriter
    {
        private readonly TaskCompletionSource _said =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Said => _said.Task;

        public override void WriteLine(string? value) => _said.TrySetResult();
    }

    private static HttpListener Listen(out string endpoint)
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        endpoint = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
        free.Stop();
        var listener = new HttpListener { Prefixes = { endpoint + "/" } };
        listener.Start();
        return listener;
    }
}
