using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>
/// What is true of every sweep, whatever happens to its trials. Method: the planner runs against a
/// model of the world, for every sampler and scheduler, with drawn orders of arrival and troubles;
/// the model checks each decision as it comes.
/// </summary>
public sealed class SweepPlanningTests
{
    private const int Orders = 6;

    private static readonly ModelTroubles all = new()
    {
        Breaks = 8,
        NotRun = 5,
        DiskFull = 2,
        Pauses = 3,
        Places = 5,
    };

    public static TheoryData<SamplerSpec, SchedulerSpec> Kinds
    {
        get
        {
            var kinds = new TheoryData<SamplerSpec, SchedulerSpec>();
            foreach (SamplerSpec sampler in ModelSweeps.SamplerSpecs)
            {
                foreach (SchedulerSpec scheduler in ModelSweeps.SchedulerSpecs)
                    kinds.Add(sampler, scheduler);
            }

            return kinds;
        }
    }

    /// <summary>Also the same verdicts: where a trial was stopped, for the same reason.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void ADeterministicSweepHasOneResultWhateverHappens(
        SamplerSpec sampler, SchedulerSpec scheduler)
    {
        foreach (ulong[] seeds in new ulong[][] { [ModelSweeps.HopelessSeed], [1, 2, 3] })
        {
            for (ulong seed = 1; seed <= 3; seed++)
            {
                SweepDescription description = ModelSweeps.Of(
                    sampler, scheduler, seeds: seeds, seed: seed);
                ModelSweep calm = new ModelSweep(description, order: 0).Run();
                Assert.Equal(12, calm.State.Trials.Count);
                for (int order = 1; order <= Orders; order++)
                {
                    ModelSweep other = new ModelSweep(
                        description, order, order % 2 == 0 ? all : null).Run();
                    Assert.Equal(calm.Table(), other.Table());
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryFigureIsThatOfItsLineage(SamplerSpec sampler, SchedulerSpec scheduler)
    {
        for (int order = 0; order < Orders; order++)
        {
            ModelSweep sweep = new ModelSweep(
                ModelSweeps.Of(sampler, scheduler, isDeterministic: order % 2 == 0, seeds: [5]),
                order, all).Run();
            foreach (TrialState trial in sweep.State.Trials)
            {
                Assert.All(trial.Results, result => Assert.Equal(
                    sweep.Expected(trial.Number, result.Epoch), result.TestLoss));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TheDecisionsAreAllThatIsKnown(SamplerSpec sampler, SchedulerSpec scheduler)
    {
        ModelTroubles troubles = all with { Added = 4, Retries = true };
        ModelSweep sweep = new ModelSweep(ModelSweeps.Of(sampler, scheduler), 3, troubles).Run();
        Assert.Equal(16, sweep.State.Trials.Count);
        Assert.Equal(Show(sweep.State), Show(SweepState.Of(sweep.Decisions)));
        // Whoever takes over anywhere on the way would decide the same next.
        SweepPlanning successor = ModelSweep.PlannerOf(sweep.State.Description);
        for (int count = 1; count < sweep.Decisions.Count; count++)
        {
            if (sweep.Decisions[count] is not (TrialSuggested or TrialContinued or SweepEnded))
                continue;
            SweepState before = SweepState.Of(sweep.Decisions[..count]);
            Assert.Equal(
                ModelSweep.Text(sweep.Decisions[count]),
                ModelSweep.Text(successor.Next(before, 1, 5).Decision!));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ASweepThatIsStoppedEnds(SamplerSpec sampler, SchedulerSpec scheduler)
    {
        for (int stop = 1; stop <= 12; stop++)
        {
            ModelSweep sweep = new ModelSweep(
                ModelSweeps.Of(sampler, scheduler, concurrent: 0, isDeterministic: false), stop,
                all with { StopAfterLegs = stop }).Run();
            Assert.StartsWith("stopped: enough", sweep.State.EndReason, StringComparison.Ordinal);
            Assert.Contains(sweep.State.Trials, trial => trial.End is TrialEnd.Cancelled);
        }
    }

    [Fact]
    public void ATrialThatBreaksAgainAndAgainIsOneFailedTrial()
    {
        ModelSweep sweep = new ModelSweep(
            ModelSweeps.Of(new RandomSpec(), new NoSchedulerSpec(), seeds: [100]), 1).Run();
        Assert.Equal(
            [3, 8],
            sweep.State.Trials.Where(trial => trial.End is TrialEnd.Failed)
                .Select(trial => trial.Number));
        Assert.Equal(10, sweep.State.Trials.Count(trial => trial.End is TrialEnd.Completed));
    }

    /// <summary>
    /// Who took over another's state and was interrupted before it had got further does so again.
    /// </summary>
    [Theory]
    [InlineData(LegEnd.Interrupted)]
    [InlineData(LegEnd.NotRun)]
    [InlineData(LegEnd.DiskFull)]
    [InlineData(LegEnd.Broken)]
    [InlineData(LegEnd.Hopeless)]
    public void ATakeoverIsNotForgotten(LegEnd end)
    {
        SweepDescription description = ModelSweeps.Of(new RandomSpec(), new PbtSpec(2));
        IReadOnlyList<ParameterValue> drawn = [new("rate", "0.1"), new("width", "2")];
        var reached = new LegOutcome(
            LegEnd.Reached, new TrialResult(2, 0, 0, 1, 0, 0, 0, ""), "", "");
        List<SweepDecision> decisions =
        [
            new SweepSubmitted(7, description),
            new TrialSuggested(7, 1, 0, drawn, "", 0),
            new LegStarted(7, 2, 0, 1, 2, -1, 0),
            new LegEnded(7, 3, 0, 1, reached),
            new TrialContinued(7, 4, 0, 2, 5, drawn, ""),
            new LegStarted(7, 5, 0, 2, 4, 5, 2),
            new LegEnded(7, 6, 0, 2, new LegOutcome(end, reached.Result, "", "it ended")),
        ];
        if (end == LegEnd.Hopeless)
        {
            decisions.Add(new TrialEnded(7, 7, 0, TrialEnd.Failed, "", 0));
            decisions.Add(new TrialRetried(7, 8, 0));
        }

        SweepState state = SweepState.Of(decisions);
        Assert.Equal(TrialPhase.Ready, state.Trials[0].Phase);
        Assert.Equal(5, state.Trials[0].NextSource);
    }

    /// <summary>All of it but for the order of what makes no difference.</summary>
    private static string Show(SweepState state) => ModelSweep.Text(state);
}
