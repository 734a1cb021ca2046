using Distributed.Kernel;

namespace Distributed.Runtime.Observers;

/// <summary>The newest entries, by a sequence that counts from 1.</summary>
internal sealed class History<T>(int capacity)
{
    private readonly T[] _entries = new T[capacity];

    /// <summary>Of the newest entry; 0 before the first.</summary>
    public long Last { get; private set; }

    public void Add(T entry) => _entries[Last++ % capacity] = entry;

    /// <summary>Those after that sequence that are still kept, ascending, the newest ones where
    /// there are more than so many.</summary>
    public IReadOnlyList<T> After(long sequence, int countMax)
    {
        Invariant.Check(countMax >= 0, "a number of entries is asked for");
        long first = Math.Max(Math.Max(0, sequence), Last - Math.Min(countMax, capacity));
        var found = new List<T>((int)Math.Max(0, Last - first));
        for (long index = first; index < Last; index++)
            found.Add(_entries[index % capacity]);
        return found;
    }
}
