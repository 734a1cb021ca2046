using Distributed.Cli.Commands;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Several workers of one host, each a process with a device, or a share of one: started again
/// whenever one of them ends unasked.
/// </summary>
internal static class WorkerGroup
{
    private static readonly TimeSpan RestartDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>What a worker takes to end once its grace is over.</summary>
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(5);

    /// <summary>Runs until it is asked to stop, or all have left the cluster.</summary>
    /// <param name="options">Those of the command.</param>
    /// <param name="settings">What they say.</param>
    /// <param name="name">Of the group: its workers are name-0 and so on.</param>
    /// <param name="count">How many.</param>
    /// <param name="notice">Told in one line of every restart.</param>
    /// <param name="cancellation">Asks it to stop.</param>
    /// <exception cref="OperatingException">One of them cannot be kept alive, or there is no place
    /// for their logs.</exception>
    public static async Task RunAsync(
        NodeOptions options, ClusterSettings settings, string name, int count,
        Action<string> notice, CancellationToken cancellation)
    {
        string logs = LogFolder(settings.Training.RunsFolder);
        var workers = new List<SupervisedNode>();
        try
        {
            for (int slot = 0; slot < count; slot++)
            {
                string worker = WorkerSlots.NameOf(name, slot);
                IReadOnlyList<string> arguments =
                    WorkerSlots.Arguments(options, settings, name, slot);
                SupervisedNode node = SupervisedNode.Start(
                    worker, arguments, Path.Combine(logs, worker + ".log"), RestartDelay, notice,
                    settings.Training.TerminationGrace + EndGrace);
                workers.Add(node);
                node.Supervise(arguments, mayLeave: true);
            }

            notice($"{count} workers run; their logs are in {logs}");
            Task stopped = Task.Delay(Timeout.Infinite, cancellation);
            Task left = Task.WhenAll(workers.Select(worker => worker.Left));
            await await Task.WhenAny(
                workers.Select(worker => worker.Watching).Append(stopped).Append(left));
        }
        finally
        {
            await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));
        }
    }

    private static string LogFolder(string runsFolder)
    {
        string folder = Path.GetFullPath(Path.Combine(runsFolder, "workers"));
        try
        {
            return Directory.CreateDirectory(folder).FullName;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the folder of the workers' logs {folder} cannot be made ({failure.Message}): "
                + "expected one that can be written; name another with "
                + "--set training.runs-folder=FOLDER");
        }
    }
}
