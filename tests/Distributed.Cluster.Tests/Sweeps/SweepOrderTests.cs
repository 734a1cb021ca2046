using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>What orders mean in each state that a sweep can be in.</summary>
public sealed class SweepOrderTests
{
    private const ulong Sweep = 7;

    private static readonly SweepDescription description =
        ModelSweeps.Of(new RandomSpec(), new NoSchedulerSpec(), trials: 2);

    [Fact]
    public void EachOrderIsOneDecisionThatFollows()
    {
        SweepState state = State();
        AssertDecides(state, new PauseSweep(Sweep, "a"), new SweepPaused(Sweep, 1, "a"));
        AssertDecides(state, new StopSweep(Sweep, "b"), new SweepStopped(Sweep, 1, "b"));
        AssertDecides(state, new AddTrials(Sweep, 3), new TrialsAdded(Sweep, 1, 3));
        SweepState paused = State(new SweepPaused(Sweep, 1, "a"));
        AssertDecides(paused, new ResumeSweep(Sweep), new SweepResumed(Sweep, 2));
        AssertDecides(paused, new PauseSweep(Sweep, "c"), new SweepPaused(Sweep, 2, "c"));
    }

    [Fact]
    public void WhatIsSoAlreadyNeedsNoDecision()
    {
        AssertDecides(State(), new ResumeSweep(Sweep));
        AssertDecides(State(new SweepStopped(Sweep, 1, "b")), new StopSweep(Sweep, "again"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void NoTrialsAreNoneToAdd(int count) => AssertRefused(
        State(), new AddTrials(Sweep, count), $"{count} trials cannot be added: expected 1");

    [Fact]
    public void AnEndedSweepIsNotPausedOrResumedOrStopped()
    {
        SweepState state = State(new SweepEnded(Sweep, 1, "all 2 trials were begun", 9));
        AssertRefused(state, new PauseSweep(Sweep, ""), "has ended: all 2");
        AssertRefused(state, new ResumeSweep(Sweep), "has ended: all 2");
        AssertRefused(state, new StopSweep(Sweep, ""), "has ended: all 2");
        AssertDecides(state, new AddTrials(Sweep, 1), new TrialsAdded(Sweep, 2, 1));
    }

    [Fact]
    public void OnlyWhatFailedIsRetried()
    {
        SweepState state = State(
            Suggested(1, 0), Suggested(2, 1), Suggested(3, 2),
            new TrialEnded(Sweep, 4, 0, TrialEnd.Failed, "", 0),
            new TrialEnded(Sweep, 5, 1, TrialEnd.Completed, "", 0),
            new TrialEnded(Sweep, 6, 2, TrialEnd.Failed, "", 0));
        AssertDecides(
            state, new RetryTrial(Sweep, -1),
            new TrialRetried(Sweep, 7, 0), new TrialRetried(Sweep, 8, 2));
        AssertDecides(state, new RetryTrial(Sweep, 2), new TrialRetried(Sweep, 7, 2));
        AssertRefused(state, new RetryTrial(Sweep, 1), "those that have: 0, 2");
        AssertRefused(state, new RetryTrial(Sweep, 77), "trial 77 has not failed");
        AssertRefused(State(), new RetryTrial(Sweep, -1), "no trial has failed");
    }

    private static TrialSuggested Suggested(long sequence, int trial) =>
        new(Sweep, sequence, trial, [], "", 0);

    private static SweepState State(params SweepDecision[] decisions) =>
        SweepState.Of([new SweepSubmitted(Sweep, description), .. decisions]);

    private static void AssertDecides(
        SweepState state, SweepOrder order, params SweepDecision[] expected)
    {
        (IReadOnlyList<SweepDecision> decisions, string problem) =
            SweepOrders.Decide(state, order);
        Assert.Equal("", problem);
        Assert.Equal(expected, decisions);
    }

    private static void AssertRefused(SweepState state, SweepOrder order, string because)
    {
        (IReadOnlyList<SweepDecision> decisions, string problem) =
            SweepOrders.Decide(state, order);
        Assert.Empty(decisions);
        Assert.Contains(because, problem, StringComparison.Ordinal);
    }
}
