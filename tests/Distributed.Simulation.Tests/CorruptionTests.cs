namespace Distributed.Simulation.Tests;

/// <summary>
/// Workers whose memory is corrupted are ejected, and the runs end with the bits of the reference
/// run. That this happens at all is checked here; that it is done right, by every history's checks.
/// </summary>
public sealed class CorruptionTests
{
    private const ulong Seeds = 60;

    [Fact]
    public void Corrupted_workers_are_ejected_and_no_promise_is_broken()
    {
        int corrupted = 0;
        int returned = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            SimulationReport report = Simulation.Run(
                Histories.Short(seed) with { Without = FaultClasses.All & ~FaultClasses.Corrupt },
                line =>
                {
                    corrupted += Holds(line, "is corrupted after step");
                    returned += Holds(line, "ReturnedToCheckpoint {");
                });
            Assert.True(report.Violation is null, $"seed {seed}: {report.Violation}");
        }

        // Some are corrupted too late to be found before the history ends.
        Assert.True(corrupted > 10, $"{corrupted} workers were corrupted");
        Assert.InRange(returned, corrupted / 2, corrupted);
    }

    [Fact]
    public void Together_with_all_other_faults_jobs_return_to_checkpoints_too()
    {
        int returned = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            Simulation.Run(
                Histories.Short(seed), line => returned += Holds(line, "ReturnedToCheckpoint {"));
        }

        Assert.True(returned > 10, $"{returned} returns");
    }

    private static int Holds(string line, string text) =>
        line.Contains(text, StringComparison.Ordinal) ? 1 : 0;
}
