namespace Distributed.Kernel;

/// <summary>
/// Entries by due time, then by order of adding. An entry can be removed at once, so that timers
/// which are started anew with every message do not pile up.
/// </summary>
internal sealed class TimerHeap
{
    private readonly List<ScheduledEntry> heap = [];
    private long added;

    public int Count => heap.Count;

    public long? NextDueNs => heap.Count == 0 ? null : heap[0].DueNs;

    public void Add(ScheduledEntry entry, long dueNs)
    {
        Invariant.Check(entry.HeapIndex == ScheduledEntry.NotQueued, "a timer is queued twice");
        entry.DueNs = dueNs;
        entry.Sequence = added++;
        entry.HeapIndex = heap.Count;
        heap.Add(entry);
        Raise(entry.HeapIndex);
    }

    public void Remove(ScheduledEntry entry)
    {
        var index = entry.HeapIndex;
        if (index == ScheduledEntry.NotQueued)
        {
            return;
        }
        Invariant.Check(heap[index] == entry, "a timer's place in the heap is wrong");
        var last = heap.Count - 1;
        Swap(index, last);
        heap.RemoveAt(last);
        entry.HeapIndex = ScheduledEntry.NotQueued;
        if (index < last)
        {
            Raise(index);
            Sink(index);
        }
    }

    public bool TryTakeDue(long nowNs, out ScheduledEntry entry)
    {
        if (heap.Count == 0 || heap[0].DueNs > nowNs)
        {
            entry = null!;
            return false;
        }
        entry = heap[0];
        Remove(entry);
        return true;
    }

    private void Raise(int index)
    {
        while (index > 0)
        {
            var parent = (index - 1) / 2;
            if (!IsBefore(index, parent))
            {
                return;
            }
            Swap(index, parent);
            index = parent;
        }
    }

    private void Sink(int index)
    {
        while (true)
        {
            var least = index;
            var left = (index * 2) + 1;
            if (left < heap.Count && IsBefore(left, least))
            {
                least = left;
            }
            if (left + 1 < heap.Count && IsBefore(left + 1, least))
            {
                least = left + 1;
            }
            if (least == index)
            {
                return;
            }
            Swap(index, least);
            index = least;
        }
    }

    private bool IsBefore(int left, int right)
    {
        var (first, second) = (heap[left], heap[right]);
        return first.DueNs != second.DueNs
            ? first.DueNs < second.DueNs
            : first.Sequence < second.Sequence;
    }

    private void Swap(int left, int right)
    {
        (heap[left], heap[right]) = (heap[right], heap[left]);
        heap[left].HeapIndex = left;
        heap[right].HeapIndex = right;
    }
}
