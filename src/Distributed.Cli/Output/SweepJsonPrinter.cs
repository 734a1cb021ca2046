using Distributed.Cli.Nodes;
using Distributed.Cluster.Sweeps;

namespace Distributed.Cli.Output;

/// <summary>One JSON object a line, for programs that watch a sweep.</summary>
internal sealed class SweepJsonPrinter(Terminal terminal) : SweepPrinter(terminal)
{
    protected override void ShowInspection(ListeningNode coordinator) =>
        PrintLine(coordinator.ToJson());

    protected override void ShowDecision(SweepState state, SweepDecision decision)
    {
        switch (decision)
        {
            case SweepSubmitted submitted:
                Write(new
                {
                    @event = "sweep",
                    sweep = submitted.Sweep.ToString("x16"),
                    name = submitted.Description.Name,
                    trials = submitted.Description.Limits.Trials,
                    folder = submitted.Description.Folder,
                });
                break;
            case TrialSuggested suggested:
                Write(new
                {
                    @event = "trial",
                    trial = suggested.Trial,
                    seed = state.Description.RunSeedOf(suggested.Trial),
                    parameters = suggested.Parameters.ToDictionary(
                        value => value.Name, value => value.Text),
                    reason = suggested.Reason,
                });
                break;
            case LegEnded leg:
                WriteLeg(leg);
                break;
            case TrialEnded ended:
                WriteEnd(state.Trials[ended.Trial]);
                break;
            case TrialContinued continued:
                Write(new
                {
                    @event = "continued",
                    trial = continued.Trial,
                    epoch = continued.Epoch,
                    source = continued.Source,
                    reason = continued.Reason,
                });
                break;
            case SweepPaused paused:
                Write(new { @event = "paused", reason = paused.Reason });
                break;
            case SweepResumed:
                Write(new { @event = "resumed" });
                break;
            case WorkerBenched worker:
                Write(new { @event = "benched", worker = worker.Worker, reason = worker.Reason });
                break;
            case SweepEnded ended:
                Write(new { @event = "ended", reason = ended.Reason });
                break;
        }
    }

    protected override void ShowProgress(SweepState state, TrialStepped stepped) => Write(new
    {
        @event = "step",
        trial = stepped.Trial,
        step = stepped.Step.Step,
        epoch = stepped.Step.Epoch,
        loss = Finite(stepped.Step.Loss),
        images_per_second = stepped.Step.ImagesPerSecond,
    });

    protected override void ShowResult(SweepState state, SweepConclusion conclusion) =>
        Write(new
        {
            @event = "done",
            trials = state.Trials.Count,
            completed = state.Trials.Count(trial => trial.End is TrialEnd.Completed),
            stopped = state.Trials.Count(trial => trial.End is TrialEnd.Stopped),
            failed = state.Trials.Count(trial => trial.End is TrialEnd.Failed),
            best = SweepRanking.Best(state)?.Number,
            folder = conclusion.Folder,
            files = conclusion.Files,
            answer = conclusion.Answer,
        });

    private void WriteLeg(LegEnded leg)
    {
        LegOutcome outcome = leg.Outcome;
        if (outcome is not { End: LegEnd.Reached, Result: { } result })
        {
            Write(new
            {
                @event = "leg",
                trial = leg.Trial,
                leg = leg.Leg,
                outcome = outcome.End.ToString().ToLowerInvariant(),
                worker = outcome.Worker,
                message = outcome.Message,
            });
            return;
        }

        Write(new
        {
            @event = "rung",
            trial = leg.Trial,
            epoch = result.Epoch,
            train_loss = Finite(result.TrainLoss),
            train_accuracy = Finite(result.TrainAccuracy),
            test_loss = Finite(result.TestLoss),
            test_accuracy = Finite(result.TestAccuracy),
            images_per_second = Finite(result.ImagesPerSecond),
            seconds = result.Seconds,
        });
    }

    private void WriteEnd(TrialState trial) => Write(new
    {
        @event = "trial_ended",
        trial = trial.Number,
        status = trial.End.ToString()!.ToLowerInvariant(),
        reason = trial.Reason,
        epochs = trial.Epoch,
        test_accuracy = trial.Results.Count > 0
            ? Finite(trial.Results[^1].TestAccuracy)
            : null,
        parameters_sha256 = trial.Results.Count > 0 ? trial.Results[^1].ParametersSha256 : "",
    });

    /// <summary>JSON has no word for what is no number.</summary>
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private void Write<T>(T record) => JsonLine.WriteTo(Terminal.Output, record);
}
