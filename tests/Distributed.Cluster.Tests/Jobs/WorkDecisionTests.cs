using Distributed.Cluster.Jobs;
using FsCheck.Xunit;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>The schedule of a worker is a pure function: checked over drawn schedules.</summary>
public sealed class WorkDecisionTests
{
    [Property(MaxTest = 300)]
    public void EveryScheduleRunsEachStepOnceEvaluatesEachEpochOnceAndEndsSaved(
        byte total, byte perEpoch, byte every)
    {
        var schedule = new StepSchedule(1 + total % 60, 1 + perEpoch % 13, 1 + every % 17, 0);
        var progress = new WorkProgress(0, 0, 0, false);
        var evaluatedAt = new List<long>();
        while (true)
        {
            WorkDecision decision = WorkDecisions.Next(schedule, progress);
            Assert.NotEmpty(decision.Reason);
            switch (decision.Action)
            {
                case WorkAction.RunStep run:
                    Assert.Equal(progress.Step + 1, run.Step);
                    progress = progress with { Step = run.Step };
                    break;
                case WorkAction.Evaluate evaluate:
                    evaluatedAt.Add(progress.Step);
                    progress = progress with { EpochsEvaluated = evaluate.Epoch };
                    break;
                case WorkAction.SaveCheckpoint save:
                    Assert.True(save.Step > progress.StepSaved);
                    progress = progress with { StepSaved = save.Step };
                    break;
                case WorkAction.Finish finish:
                    Assert.False(finish.Stopped);
                    Assert.Equal(schedule.StepsTotal, progress.Step);
                    Assert.Equal(schedule.StepsTotal, progress.StepSaved);
                    Assert.Equal(schedule.EpochsTotal, evaluatedAt.Count);
                    Assert.Equal(evaluatedAt.Distinct(), evaluatedAt);
                    return;
            }
        }
    }

    /// <summary>
    /// Cut into legs, each by a job of its own, a run evaluates the same epochs after the same
    /// steps as in one go, and each leg ends saved after the step that was agreed.
    /// </summary>
    [Property(MaxTest = 300)]
    public void LegsAddUpToTheWholeRun(byte total, byte perEpoch, byte every, byte[] legs)
    {
        var whole = new StepSchedule(1 + total % 60, 1 + perEpoch % 13, 1 + every % 17, 0);
        var evaluated = new List<(int, long)>();
        long step = 0;
        foreach (byte leg in legs)
        {
            if (step + 1 >= whole.StepsTotal)
                break;
            long stop = step + 1 + leg % (whole.StepsTotal - step - 1);
            var finish = Run(whole with { StopAfterStep = stop }, ref step, evaluated);
            Assert.Equal((true, stop), (finish.Stopped, step));
        }

        Assert.False(Run(whole, ref step, evaluated).Stopped);
        step = 0;
        var expected = new List<(int, long)>();
        Run(whole, ref step, expected);
        Assert.Equal(expected, evaluated);
    }

    private static WorkAction.Finish Run(
        StepSchedule schedule, ref long step, List<(int Epoch, long Step)> evaluated)
    {
        WorkProgress progress = WorkProgress.At(step, schedule);
        while (true)
        {
            switch (WorkDecisions.Next(schedule, progress).Action)
            {
                case WorkAction.RunStep run:
                    progress = progress with { Step = run.Step };
                    break;
                case WorkAction.Evaluate evaluate:
                    evaluated.Add((evaluate.Epoch, progress.Step));
                    progress = progress with { EpochsEvaluated = evaluate.Epoch };
                    break;
                case WorkAction.SaveCheckpoint save:
                    progress = progress with { StepSaved = save.Step };
                    break;
                case WorkAction.Finish finish:
                    Assert.Equal(progress.Step, progress.StepSaved);
                    step = progress.Step;
                    return finish;
            }
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(9)]
    public void AJobThatStartsWhereItIsToStopHasNothingToDo(long start)
    {
        var schedule = new StepSchedule(10, 4, 3, 0, StopAfterStep: 4);
        WorkDecision decision =
            WorkDecisions.Next(schedule, WorkProgress.At(start, schedule));
        Assert.Equal(new WorkAction.Finish(Stopped: true), decision.Action);
        Assert.Equal("the job is to stop after step 4 and saved", decision.Reason);
    }

    [Fact]
    public void AStopAtTheLastStepIsTheRunsEnd()
    {
        var schedule = new StepSchedule(10, 4, 3, 0, StopAfterStep: 10);
        Assert.Equal(
            new WorkAction.Finish(Stopped: false),
            WorkDecisions.Next(schedule, new WorkProgress(10, 3, 10, StopAgreed: false)).Action);
    }

    [Property(MaxTest = 200)]
    public void AStopIsSavedBeforeItFinishes(byte at)
    {
        long step = 1 + at % 9;
        var schedule = new StepSchedule(10, 4, 3, 0);
        var progress = new WorkProgress(step, schedule.EpochsDue(step), 0, StopAgreed: true);
        WorkDecision first = WorkDecisions.Next(schedule, progress);
        Assert.Equal(new WorkAction.SaveCheckpoint(step), first.Action);
        WorkDecision second = WorkDecisions.Next(schedule, progress with { StepSaved = step });
        Assert.Equal(new WorkAction.Finish(Stopped: true), second.Action);
    }
}
