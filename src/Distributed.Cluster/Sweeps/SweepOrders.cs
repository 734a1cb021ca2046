namespace Distributed.Cluster.Sweeps;

/// <summary>What a person's order means for a sweep, or why it cannot be taken.</summary>
internal static class SweepOrders
{
    public static (IReadOnlyList<SweepDecision> Decisions, string Problem) Decide(
        SweepState state, SweepOrder order)
    {
        ulong sweep = state.Sweep;
        long next = state.NextSequence;
        switch (order)
        {
            case PauseSweep or StopSweep or ResumeSweep when state.EndReason is { } ended:
                return ([], $"the sweep has ended: {ended}");
            case PauseSweep when state.StopReason is { } stopped:
                return ([], $"the sweep is being stopped: {stopped}");
            case PauseSweep pause:
                return ([new SweepPaused(sweep, next, pause.Reason)], "");
            case ResumeSweep when state.PauseReason is null:
                return ([], "");
            case ResumeSweep:
                return ([new SweepResumed(sweep, next)], "");
            case StopSweep when state.StopReason is not null:
                return ([], "");
            case StopSweep stop:
                return ([new SweepStopped(sweep, next, stop.Reason)], "");
            case AddTrials or RetryTrial when state.StopReason is { } stopped:
                return ([], $"the sweep was stopped: {stopped}");
            case AddTrials add when add.Count > 0:
                return ([new TrialsAdded(sweep, next, add.Count)], "");
            case AddTrials add:
                return ([], $"{add.Count} trials cannot be added: expected 1 or more");
            default:
                return Retry(state, ((RetryTrial)order).Trial);
        }
    }

    private static (IReadOnlyList<SweepDecision> Decisions, string Problem) Retry(
        SweepState state, int trial)
    {
        List<int> failed =
            [.. state.Trials.Where(known => known.End is TrialEnd.Failed)
                .Select(known => known.Number)];
        if (trial >= 0 && !failed.Contains(trial))
        {
            string known = failed.Count == 0
                ? "none has failed"
                : $"those that have: {string.Join(", ", failed)}";
            return ([], $"trial {trial} has not failed, so it cannot be retried; {known}");
        }

        List<SweepDecision> decisions = [];
        foreach (int number in trial >= 0 ? [trial] : failed)
        {
            decisions.Add(new TrialRetried(
                state.Sweep, state.NextSequence + decisions.Count, number));
        }

        return decisions.Count > 0 ? (decisions, "") : ([], "no trial has failed");
    }
}
