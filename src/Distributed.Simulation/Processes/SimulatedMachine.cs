namespace Distributed.Simulation.Processes;

internal enum MachineRole
{
    Coordinator,
    Worker,
    Watcher,
}

/// <summary>A place where one process runs at a time, under a name that outlives it.</summary>
internal sealed class SimulatedMachine(int number, string name, MachineRole role, long skewNs)
{
    /// <summary>Counts all machines.</summary>
    public int Number => number;

    public string Name => name;

    public MachineRole Role => role;

    /// <summary>How far its wall clock is off.</summary>
    public long SkewNs => skewNs;

    /// <summary>Where a coordinator is dialled.</summary>
    public string Address { get; } = name + ":4053";

    /// <summary>The process that runs now; null between a crash and the restart.</summary>
    public ProcessLife? Life { get; set; }
}
