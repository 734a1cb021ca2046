namespace Distributed.Simulation.Tests;

/// <summary>
/// The same seed gives the same history, event by event. That it does so in another process too is
/// checked with the real program, in Distributed.Process.Tests.
/// </summary>
public sealed class DeterminismTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_seed_gives_the_same_history(ulong seed) =>
        Assert.Equal(Simulation.Run(Histories.Short(seed)), Simulation.Run(Histories.Short(seed)));

    [Fact]
    public void Writing_down_what_happens_changes_nothing()
    {
        var lines = new List<string>();

        SimulationReport written = Simulation.Run(Histories.Short(4), lines.Add);

        Assert.NotEmpty(lines);
        Assert.Equal(Simulation.Run(Histories.Short(4)), written);
    }

    [Fact]
    public void Different_seeds_give_different_histories()
    {
        var hashes = new HashSet<string>();
        for (ulong seed = 1; seed <= 20; seed++)
            Assert.True(hashes.Add(Simulation.Run(Histories.Short(seed)).TraceHash));
    }

    [Fact]
    public void Without_any_fault_jobs_run_and_nothing_is_injected()
    {
        SimulationReport report = Simulation.Run(
            Histories.Short(5) with { Without = FaultClasses.All });

        Assert.Equal(0, report.Faults);
        Assert.True(report.Steps > 50, $"{report}");
        Assert.Null(report.Violation);
    }

    [Fact]
    public void Large_clusters_are_simulated_too()
    {
        SimulationReport report = Simulation.Run(
            new SimulationOptions { Seed = 6, Nodes = 300, Hours = 0.02 });

        Assert.True(report.Steps > 0, $"{report}");
        Assert.Null(report.Violation);
    }
}
