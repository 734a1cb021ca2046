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
