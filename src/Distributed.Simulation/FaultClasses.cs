namespace Distributed.Simulation;

/// <summary>What can go wrong in a simulation; each class can be left out.</summary>
[Flags]
public enum FaultClasses
{
    None = 0,

    /// <summary>Worker processes crash and are started again.</summary>
    Crashes = 1 << 0,

    /// <summary>Coordinator processes crash and are started again.</summary>
    Coordinators = 1 << 1,

    /// <summary>Processes stand still for a while, clocks and all.</summary>
    Pauses = 1 << 2,

    /// <summary>Workers compute slower for a while.</summary>
    Slowness = 1 << 3,

    /// <summary>Packets between two groups of machines are held, both ways or one way.</summary>
    Partitions = 1 << 4,

    /// <summary>Packets between two groups of machines take longer.</summary>
    Delays = 1 << 5,

    /// <summary>Control streams break.</summary>
    Resets = 1 << 6,

    /// <summary>Connections between workers break.</summary>
    Links = 1 << 7,

    /// <summary>Wall clocks differ.</summary>
    Skew = 1 << 8,

    /// <summary>Calls of the store fail, before or after they took effect.</summary>
    Store = 1 << 9,

    /// <summary>Workers leave in good order and come back.</summary>
    Leaves = 1 << 10,

    /// <summary>Jobs are stopped by command.</summary>
    Stops = 1 << 11,

    /// <summary>A worker's device fails.</summary>
    Devices = 1 << 12,

    /// <summary>A bit of a worker's parameters changes without a word.</summary>
    Corrupt = 1 << 13,

    /// <summary>Jobs are paused and scaled, and workers sent away, by command.</summary>
    Orders = 1 << 14,

    All = (1 << 15) - 1,
}
