namespace Distributed.Kernel;

/// <summary>Counts restarts in a window that opens with the first of them.</summary>
internal struct RestartCount
{
    private long windowStartNs;

    public int InWindow { get; private set; }

    /// <summary>Counts one more; false when that is more than the strategy allows.</summary>
    public bool TryAdd(SupervisorStrategy strategy, long nowNs)
    {
        if (InWindow == 0 || nowNs - windowStartNs > strategy.WindowNs)
        {
            windowStartNs = nowNs;
            InWindow = 0;
        }
        if (InWindow < int.MaxValue)
        {
            InWindow++;
        }
        return InWindow <= strategy.RestartsMax;
    }
}
