using Distributed.Cli.Commands;
using Distributed.Cli.Output;
using Distributed.Cli.Reports;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Dashboard.Reports;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Sweeps;

namespace Distributed.Cli.Nodes;

/// <summary>
/// `sweep`, from the flags to the exit code: check the whole file, bring up or find a cluster,
/// submit or go on, show what happens, and leave the results in the sweep's folder. Ctrl-C pauses:
/// trials that run save their state, and --resume goes on.
/// </summary>
internal sealed class SweepRun(
    SweepOptions options, Terminal terminal, CancellationToken cancellation)
{
    private readonly SweepPrinter printer = SweepPrinter.Create(terminal, options.Json);

    public async Task<int> RunAsync()
    {
        foreach (string address in options.Cluster ?? [])
            _ = RpcAddress.Split(address);
        return options.Resume ? await ResumeAsync() : await BeginAsync();
    }

    private async Task<int> BeginAsync()
    {
        (SweepFileContent content, string yaml) = SweepPreparation.Read(options);
        int workers = WorkerCount(content.Limits.WorkersPerTrial);
        if (options.Preview)
        {
            SweepPreviewText.Write(content, workers, terminal, options.Json);
            return ExitCodes.Done;
        }

        string folder = options.OutputFolder ?? SweepFolder.NewFolder(content.Name);
        SweepFolder.RefuseExisting(folder);
        IReadOnlyList<DatasetSize> datasets = await Task.Run(
            () => SweepPreparation.Fetch(content, printer.Say, cancellation), cancellation);
        SweepDescription description = content.Describe(
            Path.GetFullPath(folder), datasets, ProgramVersion.Commit);
        using RunFolderLock folderLock = RunFolderLock.Take(folder);
        await File.WriteAllTextAsync(
            Path.Combine(folder, SweepFolder.SpecificationFile), yaml, cancellation);
        ulong number = CoordinatorClient.DrawNumber();
        return await OnClusterAsync(
            folder, new SweepFolder(number.ToString("x16"), [])
            {
                Exercise = options.Exercise,
                Command = options.Command ?? SweepCommandLine.Again(folder, options.Settings),
            },
            workers, content.Limits.WorkersPerTrial, keepStore: false,
            (client, end) => client.RunSweepAsync(
                new SweepSubmitted(number, description), CoordinatorClient.DefaultPatience, end));
    }

    private async Task<int> ResumeAsync()
    {
        string folder = options.OutputFolder is { } named
            ? SweepFolder.Find(named)
            : SweepFolder.Newest();
        SweepFolder known = SweepFolder.Load(folder);
        printer.Say($"resuming {folder}");
        using RunFolderLock folderLock = RunFolderLock.Take(folder);
        SweepState? stored = options.Cluster is null
            ? SweepResultFiles.ReadLocal(folder, known.Number)
            : null;
        if (stored?.EndReason is not null && !IsToRetry(stored))
            return Conclude(folder, stored);
        int perTrial = stored?.Description.Limits.WorkersPerTrial ?? 1;
        int workers = WorkerCount(perTrial);
        return await OnClusterAsync(
            folder, known, workers, perTrial, keepStore: true,
            (client, end) => client.WatchSweepAsync(
                known.Number, CoordinatorClient.DefaultPatience, end));
    }

    private int WorkerCount(int perTrial)
    {
        int workers = options.Workers ?? Math.Max(perTrial, Environment.ProcessorCount);
        return workers >= perTrial
            ? workers
            : throw new OperatingException(
                $"each trial trains on {perTrial} workers, but --workers starts {workers}: "
                + $"expected {perTrial} or more; or set limits.workersPerTrial",
                ExitCodes.BadUsage);
    }

    private async Task RefuseTooFewAsync(IReadOnlyList<string> addresses, int perTrial)
    {
        using var client = NodeSettings.Connect(
            addresses, options.Configuration);
        ClusterStatus status = await client.StatusAsync(cancellation);
        int workers = status.Workers.Count(worker => !worker.Unreachable);
        if (workers < perTrial)
        {
            throw new OperatingException(
                $"each trial trains on {perTrial} workers, but the cluster has {workers}: expected "
                + $"{perTrial} or more; start more, or set limits.workersPerTrial",
                ExitCodes.NotEnoughWorkers);
        }
    }

    private async Task<int> OnClusterAsync(
        string folder, SweepFolder known, int workers, int perTrial, bool keepStore,
        Func<CoordinatorClient, CancellationToken, IAsyncEnumerable<object>> watch)
    {
        if (options.Cluster is { } addresses)
        {
            await RefuseTooFewAsync(addresses, perTrial);
            (known with { Cluster = addresses, Configuration = options.Configuration })
                .Save(folder);
            return await WatchAsync(folder, known.Number, addresses, cluster: null, watch);
        }

        await using DevCluster cluster = await DevCluster.StartAsync(
            workers, Path.GetFullPath(Path.Combine(folder, SweepFolder.LogFolder)), printer.Say,
            cancellation, keepStore);
        printer.ShowPlaces(cluster.Coordinator);
        (known with { Cluster = [cluster.Address], Configuration = null }).Save(folder);
        return await WatchAsync(folder, known.Number, [cluster.Address], cluster, watch);
    }

    private async Task<int> WatchAsync(
        string folder, ulong number, IReadOnlyList<string> addresses, DevCluster? cluster,
        Func<CoordinatorClient, CancellationToken, IAsyncEnumerable<object>> watch)
    {
        using var client = NodeSettings.Connect(
            addresses, options.Configuration);
        using var end = new CancellationTokenSource();
        using CancellationTokenRegistration interrupt = cancellation.Register(
            () => _ = OrderAsync(
                client, new PauseSweep(number, "the command was interrupted")));
        Task<SweepState> watching = FollowAsync(client, number, watch, end.Token);
        if (cluster is null)
            return Conclude(folder, await watching);
        Task failure = cluster.FailureAsync();
        if (await Task.WhenAny(watching, failure) == watching)
            return Conclude(folder, await watching);
        await end.CancelAsync();
        await ((Task)watching).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        throw new OperatingException(
            $"{failure.Exception?.InnerException?.Message}; sweep --resume --out {folder} goes on");
    }

    /// <summary>Until the sweep has ended, or is paused and nothing runs any more.</summary>
    private async Task<SweepState> FollowAsync(
        CoordinatorClient client, ulong number,
        Func<CoordinatorClient, CancellationToken, IAsyncEnumerable<object>> watch,
        CancellationToken end)
    {
        SweepState? state = null;
        bool isAsked = !options.Resume;
        await foreach (object told in watch(client, end))
        {
            if (told is TrialStepped stepped)
                printer.Show(state!, stepped);
            if (told is SweepProgressed { Decisions: var decisions })
                state = TakeIn(state, decisions);
            if (state is null)
                continue;
            bool isOrdered = !isAsked && await GoOnAsync(client, number, state);
            isAsked = true;
            if (state.EndReason is not null && !isOrdered)
                return state;
            if (state.PauseReason is not null && cancellation.IsCancellationRequested
                && state.RunningCount == 0)
                return state;
        }

        throw new InvariantException("a watch of a sweep goes on until it is cancelled");
    }

    private bool IsToRetry(SweepState state) =>
        options.RetryFailed && state.Trials.Any(trial => trial.End is TrialEnd.Failed);

    /// <summary>Whether there was something to order, which is then taken.</summary>
    private async Task<bool> GoOnAsync(CoordinatorClient client, ulong number, SweepState state)
    {
        if (cancellation.IsCancellationRequested)
            return false;
        bool isOrdered = false;
        if (IsToRetry(state))
            isOrdered = await OrderAsync(client, new RetryTrial(number, Trial: -1));
        if (state.PauseReason is not null)
            isOrdered |= await OrderAsync(client, new ResumeSweep(number));
        return isOrdered;
    }

    /// <summary>What an earlier command has shown already is only counted.</summary>
    private SweepState TakeIn(SweepState? state, IReadOnlyList<SweepDecision> decisions)
    {
        if (state is null && options.Resume)
        {
            var found = SweepState.Of(decisions);
            int ended = found.Trials.Count(trial => trial.End is not null);
            printer.Say($"{ended} of {found.TrialsWanted} trials had ended");
            return found;
        }

        foreach (SweepDecision decision in decisions)
        {
            if (decision is SweepSubmitted submitted)
                state = new SweepState(submitted);
            else
                state!.Apply(decision);
            printer.Show(state!, decision);
        }

        return state!;
    }

    /// <summary>Whether the order was taken; says why where it was not.</summary>
    private async Task<bool> OrderAsync(CoordinatorClient client, SweepOrder order)
    {
        try
        {
            string problem = await client.OrderSweepAsync(order, CancellationToken.None);
            if (problem.Length > 0)
                printer.Say(problem);
            return problem.Length == 0;
        }
        catch (OperatingException failure)
        {
            printer.Say(failure.Message);
            return false;
        }
    }

    /// <summary>
    /// Adds the report to the files and returns its answer. A report that cannot be made takes
    /// nothing from the sweep: then there is none, and the answer is empty.
    /// </summary>
    private string WriteReport(string folder, SweepState state, List<string> files)
    {
        try
        {
            Report report = SweepReportFiles.Build(folder, state, cancellation);
            files.AddRange(SweepReportFiles.Write(
                report, Path.Combine(folder, SweepReportFiles.PageName)));
            return report.Answer;
        }
        catch (Exception failure) when (
            failure is OperatingException or IOException or UnauthorizedAccessException
                or OperationCanceledException)
        {
            printer.Say(
                $"there is no report of the sweep ({failure.Message}): ./distributed report "
                + $"{folder} tries again");
            return "";
        }
    }

    private int Conclude(string folder, SweepState state)
    {
        if (state.EndReason is null)
        {
            printer.Say(
                $"interrupted; all trials are saved: ./distributed sweep --resume --out {folder} "
                + "goes on");
            return ExitCodes.Interrupted;
        }

        List<string> files = [.. SweepResultFiles.Write(folder, state)];
        string answer = WriteReport(folder, state, files);
        printer.Conclude(state, new SweepConclusion(folder, files, answer));
        bool hasResult = state.Trials.Any(trial => trial.Results.Count > 0);
        return hasResult ? ExitCodes.Done : ExitCodes.OperatingError;
    }
}
