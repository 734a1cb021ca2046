namespace Distributed.Simulation;

/// <summary>
/// Which history to simulate: the same options give the same one, event by event.
/// </summary>
public sealed record SimulationOptions
{
    public const int NodesMax = 1000;

    /// <summary>Everything that is drawn follows from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Worker processes; two or three coordinators come on top.</summary>
    public int Nodes { get; init; } = 16;

    /// <summary>Simulated time.</summary>
    public double Hours { get; init; } = 1;

    /// <summary>Kinds of faults that do not happen.</summary>
    public FaultClasses Without { get; init; }
}

/// <summary>How a history went.</summary>
/// <param name="SimulatedSeconds">Less than asked for where a violation ended it.</param>
/// <param name="Steps">Different training steps committed, all jobs together.</param>
/// <param name="TraceHash">16 hexadecimal digits, equal for equal histories.</param>
/// <param name="Violation">Null where every promise was kept.</param>
public sealed record SimulationReport(
    ulong Seed, int Nodes, double SimulatedSeconds, long Events, long Faults, long Steps,
    string TraceHash, Violation? Violation);
