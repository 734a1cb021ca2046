namespace Distributed.Kernel;

/// <summary>A queue of structs that allocates only to grow; both ends can be added to.</summary>
internal struct RingBuffer<T>
{
    private const int FirstLength = 8;

    // The length is a power of two, so that a mask wraps the positions.
    private T[]? items;
    private int head;

    public int Count { get; private set; }

    public void AddLast(T item)
    {
        if (items is null || Count == items.Length)
        {
            Grow();
        }
        items![(head + Count) & (items.Length - 1)] = item;
        Count++;
    }

    public void AddFirst(T item)
    {
        if (items is null || Count == items.Length)
        {
            Grow();
        }
        head = (head - 1) & (items!.Length - 1);
        items[head] = item;
        Count++;
    }

    public bool TryTakeFirst(out T item)
    {
        if (Count == 0)
        {
            item = default!;
            return false;
        }
        item = items![head];
        items[head] = default!;
        head = (head + 1) & (items.Length - 1);
        Count--;
        return true;
    }

    /// <summary>Takes the item at that place; the first item moves there.</summary>
    public T TakeAt(int index)
    {
        var mask = items!.Length - 1;
        (items[head], items[(head + index) & mask]) = (items[(head + index) & mask], items[head]);
        TryTakeFirst(out var item);
        return item;
    }

    private void Grow()
    {
        var larger = new T[items is null ? FirstLength : items.Length * 2];
        for (var index = 0; index < Count; index++)
        {
            larger[index] = items![(head + index) & (items.Length - 1)];
        }
        items = larger;
        head = 0;
    }
}
