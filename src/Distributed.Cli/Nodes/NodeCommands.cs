using System.Text.Json;
using Distributed.Cli.Commands;
using Distributed.Cli.Output;
using Distributed.Cluster.Configuration;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Workers;
using Distributed.Dashboard.Live;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Devices;
using Distributed.Runtime.Metrics;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Pbm;
using Distributed.Runtime.Store;
using Distributed.Runtime.Workers;
using Distributed.Torch;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Puts nodes together from configuration and runs them until they are asked to stop.
/// </summary>
internal sealed class NodeCommands : INodeCommands
{
    private const string StoreFile = "cluster.db";
    private const string CoordinatorName = "coordinator";

    private static readonly TimeSpan JoinDeadline = TimeSpan.FromSeconds(30);

    private static string UniqueName => $"{Environment.MachineName}-{Environment.ProcessId}";

    public static NodeCommands Instance { get; } = new();

    public Task<int> TrainAsync(
        TrainOptions options, RunEventPrinter printer, CancellationToken cancellation) =>
        new TrainRun(options, printer, cancellation).RunAsync();

    public Task<int> SweepAsync(
        SweepOptions options, Terminal terminal, CancellationToken cancellation) =>
        new SweepRun(options, terminal, cancellation).RunAsync();

    public Task<int> RetrainAsync(
        RetrainOptions options, RunEventPrinter printer, CancellationToken cancellation) =>
        new RetrainRun(options, printer, cancellation).RunAsync();

    public async Task OrderSweepAsync(
        SweepFolder sweep, Func<ulong, SweepOrder> order, CancellationToken cancellation)
    {
        using var client = NodeSettings.Connect(
            sweep.Cluster, sweep.Configuration);
        string problem = await client.OrderSweepAsync(order(sweep.Number), cancellation);
        if (problem.Length > 0)
            throw new OperatingException(problem);
    }

    public async Task<int> CoordinatorAsync(
        NodeOptions options, Terminal terminal, CancellationToken cancellation)
    {
        ClusterSettings settings = NodeSettings.Read(options);
        using var stop = new StopRequest(options.Supervised, cancellation);
        var threshold = new LogThreshold(settings.LogLevel);
        using OtlpExport? export = OtlpExport.Start(
            settings.Telemetry.Otlp, CoordinatorName, UniqueName);
        return await UntilStoppedAsync(stop, async () =>
        {
            await using CoordinatorNode node = await CoordinatorNode.StartAsync(
                Endpoint(settings.Remote, isCoordinator: true), Announcer(settings.Remote),
                StoreOf(settings), Coordinator(settings), settings.Shutdown.DefaultPhaseTimeout,
                NodeSettings.Security(settings),
                NodeLog.To(terminal, threshold, settings.LogFormat, CoordinatorName), stop.Token);
            await using PbmServer pbm = await PbmServer.StartAsync(
                node,
                new PbmOptions(
                    settings, ProgramVersion.Text, threshold, MayTakeAnyPort: options.Supervised),
                stop.Token);
            await using DashboardServer dashboard = await DashboardServer.StartAsync(
                $"{settings.Dashboard.Host}:{settings.Dashboard.Port}", node.ReadModel,
                NodeSettings.Security(settings), TimeProvider.System,
                takesAnyPort: options.Supervised, stop.Token);
            await using MetricsServer? metrics = await MetricsAsync(
                node, settings.Metrics, options.Supervised, stop.Token);
            terminal.Output.WriteLine(new ListeningNode(
                node.Address, pbm.Address, dashboard.Url.AbsoluteUri,
                metrics?.Url ?? "").ToJson());
            await stop.WaitAsync();
            export?.StopMetrics();
        });
    }

    public async Task<int> WorkerAsync(
        NodeOptions options, Terminal terminal, CancellationToken cancellation)
    {
        ClusterSettings settings = NodeSettings.Read(options);
        if (settings.Cluster.SeedNodes.Count == 0)
        {
            throw new OperatingException(
                "a worker needs a coordinator to join: set cluster.seed-nodes in cluster.hocon or "
                + "with --set 'cluster.seed-nodes=[\"HOST:PORT\"]'", ExitCodes.BadUsage);
        }

        // A worker that had joined would keep its run waiting for the build.
        EngineSettings.Use(options);
        TorchLibrary.Prepare(terminal.Error.WriteLine);
        string name = settings.Worker.Name.Length > 0 ? settings.Worker.Name : UniqueName;
        using var stop = new StopRequest(options.Supervised, cancellation);
        var slots = WorkerSlots.Of(settings.Worker, () => HostDevices.Look().Names.Count);
        if (slots.Count > 1)
        {
            terminal.Error.WriteLine($"{slots.Count} workers: {slots.Reason}");
            return await UntilStoppedAsync(stop, () => WorkerGroup.RunAsync(
                options, settings, name, slots.Count, terminal.Error.WriteLine, stop.Token));
        }

        using OtlpExport? export = OtlpExport.Start(
            settings.Telemetry.Otlp, "worker", name);
        return await UntilStoppedAsync(stop, async () =>
        {
            await using WorkerNode node = await WorkerNode.StartAsync(
                name, settings.Worker.Host, settings.Cluster.Roles,
                Endpoint(settings.Remote, isCoordinator: false), Announcer(settings.Remote),
                NodeSettings.Security(settings),
                NodeLog.To(
                    terminal, new LogThreshold(settings.LogLevel), settings.LogFormat, name),
                stop.Token, settings.Telemetry.TraceEverySteps, ProgramVersion.Text,
                settings.Worker.Device, settings.Worker.FirstSlot);
            await node.WorkAsync(
                settings.Cluster.SeedNodes, Worker(settings), JoinDeadline,
                settings.Training.TerminationGrace, stop.Token);
        });
    }

    /// <summary>Those who start nodes themselves may start any number on one machine.</summary>
    private static async Task<MetricsServer?> MetricsAsync(
        CoordinatorNode node, MetricsSettings settings, bool isSupervised,
        CancellationToken cancellation) =>
        settings.Port is { } port
            ? await MetricsServer.StartAsync(
                node, $"{settings.Host}:{port}", orAnyPort: isSupervised, cancellation)
            : null;

    private static CoordinatorSettings Coordinator(ClusterSettings settings) => new()
    {
        Membership = settings.Cluster,
        LeaseTimeout = settings.Coordination.Lease.HeartbeatTimeout,
        LeaseInterval = settings.Coordination.Lease.HeartbeatInterval,
        WorkersMin = settings.Training.MinWorkers,
        HaltDeadline = settings.Training.SuspendTimeout,
        RebalanceGain = settings.Training.RebalanceGain,
    };

    private static WorkerTiming Worker(ClusterSettings settings) => new()
    {
        HeartbeatInterval = settings.Cluster.FailureDetector.HeartbeatInterval,
    };

    private static string StoreOf(ClusterSettings settings)
    {
        if (!StoreLocation.IsFile(settings.Coordination.Store))
            return settings.Coordination.Store;
        string path = Path.GetFullPath(settings.Coordination.Store.Length > 0
            ? settings.Coordination.Store
            : Path.Combine(settings.Training.RunsFolder, StoreFile));
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the folder of the store {path} cannot be made ({failure.Message}): expected one "
                + "that can be written; name another with --set coordination.store=FILE");
        }

        return path;
    }

    /// <summary>
    /// A node that is asked to stop while it is still starting ends as well as any.
    /// </summary>
    private static async Task<int> UntilStoppedAsync(StopRequest stop, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // What had been started is already disposed of.
        }

        return ExitCodes.Done;
    }

    /// <summary>What peers dial: the public name and port where they are set.</summary>
    private static Func<int, string> Announcer(RemoteSettings remote)
    {
        string host = remote.PublicHostname.Length > 0 ? remote.PublicHostname : remote.Hostname;
        if (host is "0.0.0.0" or "::" or "[::]" or "*")
        {
            throw new OperatingException(
                $"peers cannot dial {host}: expected the address that they reach this worker by; "
                + "set remote.public-hostname", ExitCodes.BadUsage);
        }

        return port => $"{host}:{(remote.PublicPort != 0 ? remote.PublicPort : port)}";
    }

    private static string Endpoint(RemoteSettings remote, bool isCoordinator) =>
        $"{remote.Hostname}:{remote.ListenPort(isCoordinator)}";
}
