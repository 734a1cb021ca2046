using System.Globalization;
using Distributed.Cli.Commands;
using Distributed.Cli.Output;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Recording;
using Distributed.Runtime.Sweeps;
using Distributed.Training.Specification;

namespace Distributed.Cli.Nodes;

/// <summary>
/// `retrain SWEEP/17`: trains what a trial has trained once more, in a run folder of its own, and
/// compares the bits. A trial that began as another one is trained as that one first.
/// </summary>
internal sealed class RetrainRun(
    RetrainOptions options, RunEventPrinter printer, CancellationToken cancellation)
{
    public async Task<int> RunAsync()
    {
        (string sweepFolder, int number) = Split(options.Trial);
        SweepState state = await SweepResultFiles.ReadAsync(sweepFolder, cancellation);
        TrialState trial = Find(state, number);
        int untilEpoch = options.ToEnd ? state.Description.Epochs : trial.Epoch;
        IReadOnlyList<LineagePart> parts = Lineage.Of(state, number, untilEpoch);
        RunSpec last = TrialSpecification.Read(state.Description, number, parts[^1].Parameters);
        string folder = options.OutputFolder ?? RunFolders.NewFolder(last.Name);
        RunFolders.RefuseExisting(folder);
        using RunFolderLock folderLock = RunFolderLock.Take(folder);
        await using DevCluster cluster = await DevCluster.StartAsync(
            options.Workers, Path.GetFullPath(Path.Combine(folder, "logs")),
            restart => printer.Print(new Notice(restart)), cancellation);
        using var client = NodeSettings.Connect([cluster.Address]);
        RunEvent outcome = new Notice("");
        foreach (LineagePart part in parts)
        {
            outcome = await TrainAsync(client, state.Description, part, folder);
            bool isThere = outcome is RunCompleted
                || (outcome is RunInterrupted { LastEpoch: { } epoch }
                    && epoch.Epoch == part.UntilEpoch);
            if (isThere)
                continue;
            printer.Print(outcome);
            return outcome is RunFailed failed ? failed.ExitCode : ExitCodes.Interrupted;
        }

        return Compare(trial, untilEpoch, outcome, folder);
    }

    private async Task<RunEvent> TrainAsync(
        CoordinatorClient client, SweepDescription sweep, LineagePart part, string folder)
    {
        RunSpec spec = TrialSpecification.Read(sweep, part.Trial, part.Parameters);
        ResumePoint point = ResumePoint.Find(folder, spec.KeepCheckpoints);
        new RunRecord(
            spec, ProgramVersion.Commit.Length > 0 ? ProgramVersion.Commit : null,
            Numerics: null).Save(folder);
        var place = new RunPlace(
            folder, point.Step, point.CheckpointFolder, Numerics: "", point.StepsToRedo,
            ProgramVersion.Commit);
        JobDescription job = RunJob.Describe(
            spec, place, TrialSpecification.Counts(spec, sweep), options.Workers,
            part.UntilEpoch);
        ulong number = 0;
        using CancellationTokenRegistration interrupt = cancellation.Register(
            () => _ = client.StopAsync(
                number, "the command was interrupted", CancellationToken.None));
        await foreach (RunEvent happened in client.RunAsync(
            job, CoordinatorClient.DefaultPatience, CancellationToken.None))
        {
            if (happened is JobAccepted accepted)
                number = accepted.Job;
            else if (happened is RunCompleted or RunInterrupted or RunFailed)
                return happened;
            else
                printer.Print(happened);
        }

        throw new InvariantException("a watch ends with an outcome or an exception");
    }

    private int Compare(TrialState trial, int untilEpoch, RunEvent outcome, string folder)
    {
        TrialResult known = trial.Results[^1];
        if (outcome is RunCompleted completed)
        {
            printer.Print(completed with { RunFolder = folder });
            if (known.ParametersSha256.Length == 0)
                return ExitCodes.Done;
            bool isSame = completed.ParametersSha256 == known.ParametersSha256;
            printer.Print(new Notice(isSame
                ? $"the same bits as trial {trial.Number}"
                : $"not the bits of trial {trial.Number}: {completed.ParametersSha256}, expected "
                    + known.ParametersSha256));
            return isSame ? ExitCodes.Done : ExitCodes.NumericsDiverged;
        }

        EpochCompleted epoch = ((RunInterrupted)outcome).LastEpoch!;
        bool isAlike = epoch.TestLoss.Equals(known.TestLoss)
            && epoch.TrainLoss.Equals(known.TrainLoss);
        printer.Print(new Notice(
            $"trial {trial.Number} was stopped after epoch {untilEpoch}; up to there "
            + (isAlike ? "its losses are the same bits" : "its losses differ")
            + $"; the run is in {folder}, and --to-end would have gone on"));
        return isAlike ? ExitCodes.Done : ExitCodes.NumericsDiverged;
    }

    private static TrialState Find(SweepState state, int number)
    {
        if (number >= state.Trials.Count)
        {
            throw new OperatingException(
                $"sweep {state.Description.Name} has no trial {number}: expected 0 to "
                + $"{state.Trials.Count - 1}", ExitCodes.BadUsage);
        }

        TrialState trial = state.Trials[number];
        return trial.Results.Count > 0
            ? trial
            : throw new OperatingException(
                $"trial {number} has no result yet ({trial.Reason}): expected one that came to "
                + "the end of an epoch");
    }

    private static (string Folder, int Number) Split(string words)
    {
        int slash = words.TrimEnd('/').LastIndexOf('/');
        if (slash > 0 && int.TryParse(
            words.AsSpan(slash + 1).TrimEnd('/'), NumberStyles.None, CultureInfo.InvariantCulture,
            out int number))
            return (SweepFolder.Find(words[..slash]), number);
        throw new OperatingException(
            $"'{words}' names no trial: expected SWEEP/NUMBER, such as sweeps/mine/17",
            ExitCodes.BadUsage);
    }
}
