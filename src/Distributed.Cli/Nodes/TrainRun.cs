using System.Diagnostics;
using Distributed.Cli.Commands;
using Distributed.Cli.Output;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Rpc;

namespace Distributed.Cli.Nodes;

/// <summary>
/// `train`, from the flags to the exit code: prepare the run, bring up or find a cluster, submit,
/// show what happens, and turn Ctrl-C into an agreed stop.
/// </summary>
internal sealed class TrainRun(
    TrainOptions options, RunEventPrinter printer, CancellationToken cancellation)
{
    public async Task<int> RunAsync()
    {
        // A mistyped address is refused before data is fetched.
        foreach (string address in options.Cluster ?? [])
            _ = RpcAddress.Split(address);
        var progress = new DatasetLine(text => printer.Print(new Notice(text)));
        PreparedRun run = await Task.Run(
            () => RunPreparation.Prepare(options, progress, printer, cancellation), cancellation);
        using RunFolderLock folderLock = run.Lock;
        try
        {
            if (options.Cluster is { } addresses)
                return await RunOnAsync(addresses, run, cluster: null);
            await using DevCluster cluster = await DevCluster.StartAsync(
                options.WorkerCount, Path.GetFullPath(Path.Combine(run.Folder, "logs")),
                restart => printer.Print(new Notice(restart)), cancellation);
            printer.PrintPlaces(cluster.Coordinator);
            return await RunOnAsync([cluster.Address], run, cluster);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Before the job was submitted: the folder is as the preparation left it.
            printer.Print(new RunInterrupted(run.StartStep, run.Folder));
            return ExitCodes.Interrupted;
        }
    }

    private async Task<int> RunOnAsync(
        IReadOnlyList<string> addresses, PreparedRun run, DevCluster? cluster)
    {
        using var client = NodeSettings.Connect(
            addresses, options.Configuration);
        int workers = cluster is not null
            ? options.WorkerCount
            : Math.Max(1, await client.IdleWorkerCountAsync(cancellation));
        using var watch = new CancellationTokenSource();
        Task<int> outcome = WatchAsync(
            client, run.Describe(workers), run.Folder, watch.Token);
        if (cluster is null)
            return await outcome;
        Task failure = cluster.FailureAsync();
        if (await Task.WhenAny(outcome, failure) == outcome)
            return await outcome;
        await watch.CancelAsync();
        await ((Task)outcome).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        printer.Print(new RunFailed(
            ExitCodes.OperatingError,
            $"{failure.Exception?.InnerException?.Message}; --resume --out {run.Folder} goes on "
            + "from the last checkpoint"));
        return ExitCodes.OperatingError;
    }

    private async Task<int> WatchAsync(
        CoordinatorClient client, JobDescription job, string folder, CancellationToken watch)
    {
        var accepted = new TaskCompletionSource<ulong>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration interrupt = cancellation.Register(
            () => _ = StopAsync(client, accepted.Task));
        await foreach (RunEvent happened in client.RunAsync(
            job, CoordinatorClient.DefaultPatience, watch))
        {
            if (happened is JobAccepted acceptance)
            {
                accepted.TrySetResult(acceptance.Job);
                continue;
            }

            printer.Print(AsNamed(happened, folder));
            switch (happened)
            {
                case RunCompleted:
                    return ExitCodes.Done;
                case RunInterrupted:
                    return ExitCodes.Interrupted;
                case RunFailed failed:
                    return failed.ExitCode;
            }
        }

        throw new UnreachableException("a watch ends with an outcome or an exception");
    }

    /// <summary>
    /// The coordinator knows the folder by its full path, the user by the one given.
    /// </summary>
    private static RunEvent AsNamed(RunEvent happened, string folder) => happened switch
    {
        RunCompleted completed => completed with { RunFolder = folder },
        RunInterrupted interrupted => interrupted with { RunFolder = folder },
        _ => happened,
    };

    private async Task StopAsync(CoordinatorClient client, Task<ulong> accepted)
    {
        try
        {
            ulong job = await accepted;
            await client.StopAsync(job, "the command was interrupted", CancellationToken.None);
        }
        catch (OperatingException failure)
        {
            printer.Print(new Notice($"the stop could not be asked for: {failure.Message}"));
        }
    }
}
