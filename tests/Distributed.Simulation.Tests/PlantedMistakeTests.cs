namespace Distributed.Simulation.Tests;

/// <summary>
/// A simulator that never finds anything proves nothing: each planted mistake has to be found
/// within 200 seeds, and without it the same seeds have to pass.
/// </summary>
public sealed class PlantedMistakeTests
{
    private const ulong SeedsMax = 200;

    public static TheoryData<string> Names => [.. PlantedMistakes.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_planted_mistake_is_found(string name)
    {
        PlantedMistake mistake = PlantedMistakes.All[name];
        for (ulong seed = 1; seed <= SeedsMax; seed++)
        {
            SimulationReport report = Simulation.Run(Histories.Short(seed), mistake.Hooks);
            if (report.Violation is not { } violation)
                continue;
            Assert.True(mistake.Kinds.Split(' ').Contains(violation.Kind), $"{violation}");
            return;
        }

        Assert.Fail($"'{name}' was not found within {SeedsMax} seeds");
    }

    [Fact]
    public void Without_a_mistake_the_same_seeds_pass()
    {
        for (ulong seed = 1; seed <= SeedsMax; seed++)
        {
            SimulationReport report = Simulation.Run(Histories.Short(seed));
            Assert.True(report.Violation is null, $"seed {seed}: {report.Violation}");
        }
    }
}
