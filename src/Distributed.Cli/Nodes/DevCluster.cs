using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Single-node dev mode: a coordinator process and worker processes on this machine's loopback,
/// started and supervised by the command that uses them.
/// </summary>
internal sealed class DevCluster : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(30);

    private readonly List<ChildProcess> _children = [];

    private DevCluster()
    {
    }

    /// <summary>host:port of the coordinator.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Starts all processes; the workers join by themselves.</summary>
    /// <exception cref="OperatingException">The coordinator did not come up.</exception>
    public static async Task<DevCluster> StartAsync(
        int workerCount, string logFolder, CancellationToken cancellation)
    {
        var cluster = new DevCluster();
        try
        {
            Directory.CreateDirectory(logFolder);
            cluster.Address = await cluster.StartCoordinatorAsync(logFolder, cancellation);
            for (int worker = 0; worker < workerCount; worker++)
            {
                cluster.Start(
                    logFolder, "worker", $"w{worker}", "--set", $"worker.name=w{worker}", "--set",
                    $"cluster.seed-nodes=[\"{cluster.Address}\"]");
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes when any of the processes has ended, with that process.</summary>
    public async Task<ChildProcess> FirstExitAsync()
    {
        Task[] exits = [.. _children.Select(child => child.Exited)];
        Task first = await Task.WhenAny(exits);
        return _children[Array.IndexOf(exits, first)];
    }

    public async ValueTask DisposeAsync()
    {
        // Workers first: a coordinator that goes before them would be reported as lost.
        await Task.WhenAll(_children.Skip(1).Select(child => child.StopAsync()));
        await Task.WhenAll(_children.Take(1).Select(child => child.StopAsync()));
        foreach (ChildProcess child in _children)
            child.Dispose();
    }

    private async Task<string> StartCoordinatorAsync(
        string logFolder, CancellationToken cancellation)
    {
        ChildProcess coordinator = Start(logFolder, "coordinator", "coordinator");
        try
        {
            string line = await coordinator.FirstLine.WaitAsync(StartDeadline, cancellation);
            using JsonDocument ready = JsonDocument.Parse(line);
            return ready.RootElement.GetProperty("address").GetString()!;
        }
        catch (Exception failure) when (
            (failure is OperationCanceledException && !cancellation.IsCancellationRequested)
            || failure is TimeoutException)
        {
            await coordinator.StopAsync();
            throw new OperatingException(
                $"the coordinator process did not come up ({coordinator.Ending}); its log is "
                + Path.Combine(logFolder, "coordinator.log"));
        }
    }

    private ChildProcess Start(
        string logFolder, string command, string name, params string[] arguments)
    {
        var child = ChildProcess.Start(
            name,
            [
                command, "--supervised", "--set", "remote.hostname=127.0.0.1", "--set",
                "remote.port=0", .. arguments,
            ],
            Path.Combine(logFolder, name + ".log"));
        _children.Add(child);
        return child;
    }
}
