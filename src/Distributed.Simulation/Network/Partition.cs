namespace Distributed.Simulation.Network;

/// <summary>
/// Something between the machines inside and those outside: packets are held, or take longer.
/// </summary>
internal sealed class Partition(bool[] inside, bool outward, bool inward, int slownessFactor)
{
    /// <summary>How many times longer packets take; 0 where they are held.</summary>
    public int SlownessFactor => slownessFactor;

    public bool Concerns(int from, int to) =>
        (outward && inside[from] && !inside[to]) || (inward && !inside[from] && inside[to]);
}
