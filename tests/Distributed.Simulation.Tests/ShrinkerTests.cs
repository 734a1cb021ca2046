namespace Distributed.Simulation.Tests;

/// <summary>
/// The shrinker's result still breaks the same promise and is as small as its steps can make it.
/// </summary>
public sealed class ShrinkerTests
{
    private static readonly Violation Broken = new(1, "bits", "");

    [Fact]
    public void Everything_that_the_violation_does_not_need_goes()
    {
        SimulationOptions large = Histories.Short(7) with { Nodes = 64, Hours = 1 };

        SimulationOptions small = Shrinker.Shrink(
            large, Broken, runsMax: 1000,
            options => Report(
                options,
                options.Nodes >= 3 && options.Hours >= 0.1
                    && !options.Without.HasFlag(FaultClasses.Partitions) ? Broken : null));

        Assert.Equal(3, small.Nodes);
        Assert.Equal(FaultClasses.All & ~FaultClasses.Partitions, small.Without);
        Assert.InRange(small.Hours, 0.1, 0.112);
    }

    [Fact]
    public void Another_kind_of_violation_does_not_count()
    {
        SimulationOptions options = Histories.Short(7);

        SimulationOptions small = Shrinker.Shrink(
            options, Broken, runsMax: 1000,
            candidate => Report(candidate, Broken with { Kind = "liveness" }));

        Assert.Equal(options, small);
    }

    [Fact]
    public void The_number_of_runs_is_bounded()
    {
        int runs = 0;

        Shrinker.Shrink(Histories.Short(7), Broken, runsMax: 5, candidate =>
        {
            runs++;
            return Report(candidate, Broken);
        });

        Assert.Equal(5, runs);
    }

    [Fact]
    public void A_planted_mistake_is_shown_by_a_smaller_history()
    {
        SimulationHooks hooks = PlantedMistakes.All["a checkpoint is torn but visible"].Hooks;
        SimulationOptions large = Histories.Short(1) with { Nodes = 8, Hours = 0.2 };
        Violation violation = Simulation.Run(large, hooks).Violation!;

        SimulationOptions small = Shrinker.Shrink(
            large, violation, runsMax: 60, options => Simulation.Run(options, hooks));

        Assert.True(small.Nodes < large.Nodes && small.Hours < large.Hours, $"{small}");
        Assert.Equal(violation.Kind, Simulation.Run(small, hooks).Violation?.Kind);
    }

    private static SimulationReport Report(SimulationOptions options, Violation? violation) =>
        new(options.Seed, options.Nodes, 1, 1, 0, 0, "", violation);
}
