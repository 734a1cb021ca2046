using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>Trial 1 takes over trial 0 after epoch 2, and trial 2 that after epoch 4.</summary>
public sealed class LineageTests
{
    private static readonly SweepState state = State();

    [Fact]
    public void ATrialOfItsOwnHasOnePart() =>
        Assert.Equal(["0: a until 7"], Show(trial: 0, untilEpoch: 7));

    [Fact]
    public void ATakeoverBeginsAsTheOther() =>
        Assert.Equal(["0: a until 2", "1: d until 6"], Show(trial: 1, untilEpoch: 6));

    /// <summary>After the very epoch at which it took over it still stands where it came itself.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void BeforeTheTakeoverItIsItself(int epoch) =>
        Assert.Equal([$"1: b until {epoch}"], Show(trial: 1, epoch));

    [Fact]
    public void ATakeoverOfATakeoverGoesBackToTheFirst() => Assert.Equal(
        ["0: a until 2", "1: d until 4", "2: e until 8"], Show(trial: 2, untilEpoch: 8));

    private static IEnumerable<string> Show(int trial, int untilEpoch) =>
        Lineage.Of(state, trial, untilEpoch).Select(
            part => $"{part.Trial}: {part.Parameters[0].Text} until {part.UntilEpoch}");

    private static SweepState State()
    {
        var made = new SweepState(new SweepSubmitted(
            7, ModelSweeps.Of(new RandomSpec(), new PbtSpec(2), trials: 3)));
        foreach ((int trial, string text) in new[] { (0, "a"), (1, "b"), (2, "c") })
            made.Apply(new TrialSuggested(7, made.NextSequence, trial, Drawn(text), "", 0));
        Reach(made, trial: 1, epoch: 2);
        made.Apply(new TrialContinued(7, made.NextSequence, 1, 2, 0, Drawn("d"), ""));
        Reach(made, trial: 2, epoch: 4);
        made.Apply(new TrialContinued(7, made.NextSequence, 2, 4, 1, Drawn("e"), ""));
        return made;
    }

    private static void Reach(SweepState state, int trial, int epoch)
    {
        int leg = state.Trials[trial].LegCount + 1;
        state.Apply(new LegStarted(7, state.NextSequence, trial, leg, epoch, -1, 0));
        state.Apply(new LegEnded(7, state.NextSequence, trial, leg, new LegOutcome(
            LegEnd.Reached, new TrialResult(epoch, 0, 0, 0, 0, 0, 0, ""), "", "")));
    }

    private static IReadOnlyList<ParameterValue> Drawn(string text) => [new("x", text)];
}
