using System.Globalization;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Simulation.Workload;

/// <summary>
/// A sweep as it comes out where trials run one at a time, each leg reaches its end, and nothing
/// else happens: what a deterministic sweep must come to, whatever happens.
/// </summary>
internal static class SweepReplay
{
    private const int DecisionsMax = 10_000;

    /// <param name="real">The sweep as it was; it says which trials failed because something
    /// broke too often, and when.</param>
    public static SweepState Of(SweepState real)
    {
        SweepDescription description = real.Description;
        var state = new SweepState(new SweepSubmitted(real.Sweep, description));
        var planning = new SweepPlanning(
            description,
            Samplers.Create(
                description.Sampler, description.Space, description.Seed,
                description.Objectives.Count),
            Schedulers.Create(
                description.Scheduler, description.Space, description.Epochs, description.Seed,
                description.IsDeterministic));
        for (int count = 0; count < DecisionsMax && state.EndReason is null; count++)
        {
            SweepDecision? next = planning.Next(state, 1 - state.RunningCount, 0).Decision;
            if (next is null)
                next = EndOfLeg(state, real);
            state.Apply(next);
        }

        Invariant.Check(state.EndReason is not null, "a replayed sweep ends");
        return state;
    }

    /// <summary>What came of each trial, but for when and how fast.</summary>
    public static string TableOf(SweepState state) => string.Join("; ", state.Trials.Select(
        trial => $"{trial.Number} {trial.End} "
            + string.Join(' ', trial.Parameters.Select(value => value.Text))
            + string.Concat(trial.Results.Select(result => string.Create(
                CultureInfo.InvariantCulture, $" {result.Epoch}:{result.TestLoss}")))
            + (trial.End is TrialEnd.Stopped ? $" {trial.Reason}" : "")));

    private static LegEnded EndOfLeg(SweepState state, SweepState real)
    {
        Invariant.Check(state.RunningCount == 1, "a replayed sweep runs a trial or decides");
        TrialState trial = state.Trials[state.In(TrialPhase.Running).Min];
        bool fails = trial.Number < real.Trials.Count
            && real.Trials[trial.Number] is { End: TrialEnd.Failed } failed
            && failed.Epoch == trial.Epoch;
        LegOutcome outcome = fails || TrialRuns.AreHopeless(trial.Parameters)
            ? new LegOutcome(LegEnd.Hopeless, null, "", "it failed")
            : new LegOutcome(
                LegEnd.Reached,
                TrialRuns.Expected(state, trial.Number, trial.Leg!.UntilEpoch), "", "");
        return new LegEnded(
            state.Sweep, state.NextSequence, trial.Number, trial.Leg!.Leg, outcome);
    }
}
