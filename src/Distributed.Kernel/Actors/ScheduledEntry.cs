namespace Distributed.Kernel;

/// <summary>Something to be done at a time; lives in at most one <see cref="TimerHeap"/>.</summary>
internal abstract class ScheduledEntry
{
    internal const int NotQueued = -1;

    internal long DueNs { get; set; }

    /// <summary>Breaks ties: what was added first is due first.</summary>
    internal long Sequence { get; set; }

    internal int HeapIndex { get; set; } = NotQueued;

    internal abstract void Fire(long nowNs);
}
