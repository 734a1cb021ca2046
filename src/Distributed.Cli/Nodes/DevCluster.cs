using System.Text.Json;
using Distributed.Cli.Commands;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Single-node dev mode: a coordinator process and worker processes on this machine's loopback,
/// started by the command that uses them, and started again whenever one of them ends.
/// </summary>
internal sealed class DevCluster : IAsyncDisposable
{
    /// <summary>The store's name in the log folder.</summary>
    public const string StoreFile = "cluster.db";

    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan InterruptDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan CoordinatorRestartDelay = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan WorkerRestartDelay = TimeSpan.FromMilliseconds(200);

    private readonly string _logFolder;
    private readonly Action<string> _notice;
    private readonly List<SupervisedNode> _workers = [];
    private SupervisedNode? _coordinator;

    private DevCluster(string logFolder, Action<string> notice)
    {
        _logFolder = logFolder;
        _notice = notice;
    }

    /// <summary>Where the coordinator is reached; a restarted one is at the same
    /// places.</summary>
    public ListeningNode Coordinator { get; private set; } = new("", "", "", "");

    /// <summary>host:port for workers and commands.</summary>
    public string Address => Coordinator.Address;

    /// <summary>Starts all processes; the workers join by themselves.</summary>
    /// <param name="workerCount">How many workers.</param>
    /// <param name="logFolder">Takes the processes' logs and their store.</param>
    /// <param name="notice">Told in one line of every restart.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <param name="keepStore">Go on with what an earlier cluster in the folder had to
    /// do.</param>
    /// <exception cref="OperatingException">The coordinator did not come up, or there is no engine
    /// for the workers.</exception>
    public static async Task<DevCluster> StartAsync(
        int workerCount, string logFolder, Action<string> notice, CancellationToken cancellation,
        bool keepStore = false)
    {
        var cluster = new DevCluster(logFolder, notice);
        try
        {
            Directory.CreateDirectory(logFolder);
            if (!keepStore)
                cluster.DropStore();
            // Once, and before the workers are many.
            await Task.Run(() => TorchLibrary.Prepare(notice), cancellation);
            await cluster.StartCoordinatorAsync(cancellation);
            for (int worker = 0; worker < workerCount; worker++)
                cluster.StartWorker($"w{worker}", worker);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Faults with what happened when one of the nodes cannot be kept alive.</summary>
    public async Task FailureAsync() => await await Task.WhenAny(
        _workers.Append(_coordinator!).Select(node => node.Watching));

    public async ValueTask DisposeAsync()
    {
        // Workers first: the coordinator lets them go.
        await Task.WhenAll(_workers.Select(worker => worker.DisposeAsync().AsTask()));
        if (_coordinator is not null)
            await _coordinator.DisposeAsync();
    }

    /// <summary>An earlier run of this folder left its jobs; they are not this command's.</summary>
    private void DropStore()
    {
        foreach (string suffix in new[] { "", "-wal", "-shm" })
            File.Delete(Path.Combine(_logFolder, StoreFile + suffix));
    }

    private async Task StartCoordinatorAsync(CancellationToken cancellation)
    {
        _coordinator = Start(
            "coordinator", CoordinatorArguments("0"), CoordinatorRestartDelay);
        try
        {
            string line = await _coordinator.FirstLine.WaitAsync(StartDeadline, cancellation);
            Coordinator = ListeningNode.Parse(line) with { AsksForToken = DoNodesAskForToken() };
        }
        catch (Exception failure) when (
            (failure is OperationCanceledException && !cancellation.IsCancellationRequested)
            || failure is TimeoutException)
        {
            // Ctrl-C reaches all processes of a terminal: this one may hear of it after the other
            // has died of it.
            await Task.Delay(InterruptDelay, cancellation);
            throw new OperatingException(
                "the coordinator process did not come up; its log is "
                + Path.Combine(_logFolder, "coordinator.log"));
        }

        _coordinator.Supervise(
        [
            .. CoordinatorArguments(ListeningNode.PortOf(Address)), .. Coordinator.PortSettings(),
        ], mayLeave: false);
    }

    /// <summary>The nodes read no file, but have this process's environment.</summary>
    private static bool DoNodesAskForToken() => NodeSettings.Security(
        NodeSettings.Read(new NodeOptions(null, [], Supervised: true))).Token is not null;

    private void StartWorker(string name, int slot)
    {
        // A node that this command started has nobody to hand over to for long.
        string[] arguments =
        [
            "worker", .. NodeArguments("0"), "--set", $"worker.name={name}",
            "--set", $"worker.first-slot={slot}", "--set", "training.termination-grace=2s",
            "--set", $"cluster.seed-nodes=[\"{Address}\"]",
        ];
        SupervisedNode worker = Start(name, arguments, WorkerRestartDelay);
        _workers.Add(worker);
        worker.Supervise(arguments, mayLeave: true);
    }

    private string[] CoordinatorArguments(string port) =>
    [
        "coordinator", .. NodeArguments(port), "--set",
        $"coordination.store={JsonSerializer.Serialize(Path.Combine(_logFolder, StoreFile))}",
    ];

    /// <summary>
    /// A process that dies is noticed at once whatever the pause; a laptop that does other things
    /// too must not have its workers taken for frozen.
    /// </summary>
    private static string[] NodeArguments(string port) =>
    [
        "--supervised", "--set", "remote.hostname=127.0.0.1", "--set", $"remote.port={port}",
        "--set", "cluster.failure-detector.acceptable-heartbeat-pause=2s",
    ];

    private SupervisedNode Start(
        string name, IReadOnlyList<string> arguments, TimeSpan restartDelay) =>
        SupervisedNode.Start(
            name, arguments, Path.Combine(_logFolder, name + ".log"), restartDelay, _notice);
}
