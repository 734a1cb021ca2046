namespace Distributed.Simulation.Tests;

/// <summary>Histories that are short enough to run by the hundred.</summary>
internal static class Histories
{
    public static SimulationOptions Short(ulong seed) => new()
    {
        Seed = seed,
        Nodes = 5,
        Hours = 0.12,
    };
}
