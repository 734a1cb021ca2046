using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// When a job evaluates, saves and ends, counted in committed steps. All of it follows from the run
/// spec, so that every worker takes the same action after the same step without being told.
/// </summary>
/// <param name="StepsTotal">Of the whole run.</param>
/// <param name="StopAfterStep">The job ends after this step, its state saved, as if a stop had been
/// agreed there; another job goes on. 0 where it is to run to the end, which counts as
/// complete even where it is this step.</param>
public sealed record StepSchedule(
    long StepsTotal, long StepsPerEpoch, long CheckpointEverySteps, long ParameterHashEverySteps,
    long StopAfterStep = 0)
{
    public int EpochsTotal => EpochOf(StepsTotal);

    /// <summary>The epoch, counted from 1, to which a step, counted from 1, belongs.</summary>
    public int EpochOf(long step) => checked((int)((step + StepsPerEpoch - 1) / StepsPerEpoch));

    /// <summary>
    /// How many epochs are to be evaluated once <paramref name="step"/> is committed.
    /// </summary>
    public int EpochsDue(long step) =>
        step == StepsTotal ? EpochOf(step) : checked((int)(step / StepsPerEpoch));

    public bool StopsAt(long step) => StopAfterStep > 0 && step >= StopAfterStep;

    public bool HashesParametersAt(long step) =>
        ParameterHashEverySteps > 0 && step % ParameterHashEverySteps == 0;
}

/// <summary>How far a worker has come with a job.</summary>
public sealed record WorkProgress(long Step, int EpochsEvaluated, long StepSaved, bool StopAgreed)
{
    /// <summary>The ranks agreed to save the state after this step, due or not.</summary>
    public bool SaveAgreed { get; init; }

    /// <summary>
    /// Where a run goes on after a checkpoint. A run resumed at its last step has only its result
    /// left to tell, so it evaluates once more; one that is to stop there has nothing left to do.
    /// </summary>
    public static WorkProgress At(long step, StepSchedule schedule)
    {
        int due = schedule.EpochsDue(step);
        return new(step, step > 0 && step == schedule.StepsTotal ? due - 1 : due, step, false);
    }
}

/// <summary>What a worker does next.</summary>
public abstract record WorkAction
{
    public sealed record RunStep(long Step) : WorkAction;

    public sealed record Evaluate(int Epoch) : WorkAction;

    public sealed record SaveCheckpoint(long Step) : WorkAction;

    public sealed record Finish(bool Stopped) : WorkAction;
}

/// <summary>An action and why it is the next one.</summary>
public sealed record WorkDecision(WorkAction Action, string Reason);

/// <summary>Decides a worker's next action from its progress alone.</summary>
public static class WorkDecisions
{
    public static WorkDecision Next(StepSchedule schedule, WorkProgress progress)
    {
        Invariant.Check(
            progress.Step <= schedule.StepsTotal, "a job never runs past its last step");
        long step = progress.Step;
        if (progress.EpochsEvaluated < schedule.EpochsDue(step))
        {
            int epoch = progress.EpochsEvaluated + 1;
            return new(new WorkAction.Evaluate(epoch), $"epoch {epoch} ended at step {step}");
        }

        bool complete = step == schedule.StepsTotal;
        if (complete || progress.StopAgreed || schedule.StopsAt(step))
        {
            string why = complete ? $"step {step} is the last"
                : progress.StopAgreed ? $"a stop was agreed at step {step}"
                : $"the job is to stop after step {schedule.StopAfterStep}";
            return progress.StepSaved < step
                ? new(new WorkAction.SaveCheckpoint(step), why)
                : new(new WorkAction.Finish(!complete), why + " and saved");
        }

        bool due = step > 0 && step % schedule.CheckpointEverySteps == 0;
        return (due || progress.SaveAgreed) && progress.StepSaved < step
            ? new(
                new WorkAction.SaveCheckpoint(step),
                due ? $"step {step} is due for a checkpoint"
                    : $"a checkpoint was agreed at step {step}")
            : new(new WorkAction.RunStep(step + 1), $"step {step} is committed");
    }
}
