using Distributed.Kernel;
using Distributed.Simulation.Processes;

namespace Distributed.Simulation.Time;

/// <summary>
/// The one queue of everything that is going to happen, by simulated time; what is due at the same
/// nanosecond comes in a random order. Nothing here allocates except to grow.
/// </summary>
internal sealed class Scheduler(ulong seed)
{
    public const int EventsMax = 1 << 22;

    private readonly Prng ties = new(seed);
    private readonly Dictionary<Type, ulong> kinds = [];
    private Event[] heap = new Event[1024];
    private int count;

    public long NowNs { get; private set; }

    public long EventsHandled { get; private set; }

    /// <summary>Equal for equal histories.</summary>
    public ulong TraceHash { get; private set; } = 14695981039346656037;

    /// <summary>The process whose event happens now.</summary>
    public ProcessLife? Current { get; private set; }

    /// <summary>
    /// Lets something happen later. With an owner it is lost when that process dies, and put off
    /// while that process is paused.
    /// </summary>
    public void Post(long delayNs, ProcessLife? owner, IEventHandler handler, object message)
    {
        Invariant.Check(delayNs >= 0, "an event is due in the past");
        Invariant.Check(count < EventsMax, "too many events are waiting");
        if (count == heap.Length)
            Array.Resize(ref heap, 2 * heap.Length);
        heap[count] = new Event(NowNs + delayNs, ties.NextUInt64(), owner, handler, message);
        Raise(count++);
    }

    /// <summary>Lets the next event happen; false when none is due by then.</summary>
    public bool Step(long untilNs)
    {
        if (count == 0 || heap[0].DueNs > untilNs)
        {
            NowNs = untilNs;
            return false;
        }

        Event next = TakeFirst();
        NowNs = next.DueNs;
        ProcessLife? owner = next.Owner;
        if (owner is null)
        {
            Trace(next);
            next.Handler.Handle(next.Message);
            return true;
        }

        if (owner.IsDead)
            return true;
        if (owner.IsPaused)
        {
            owner.PutOff(next.Handler, next.Message);
            return true;
        }

        Trace(next);
        Current = owner;
        next.Handler.Handle(next.Message);
        owner.RunAfterEvent();
        Current = null;
        return true;
    }

    /// <summary>Mixes something into the trace hash.</summary>
    public void Trace(ulong value) => TraceHash = CounterRandom.Mix(TraceHash ^ value);

    private void Trace(in Event next)
    {
        EventsHandled++;
        Type type = next.Message.GetType();
        if (!kinds.TryGetValue(type, out ulong kind))
        {
            kind = 14695981039346656037;
            foreach (char character in type.Name)
                kind = unchecked((kind ^ character) * 1099511628211);
            kinds.Add(type, kind);
        }

        ulong place = unchecked((ulong)next.Handler.Number * 0x9E3779B97F4A7C15);
        Trace(unchecked((ulong)next.DueNs + kind + place));
    }

    private Event TakeFirst()
    {
        Event first = heap[0];
        count--;
        heap[0] = heap[count];
        heap[count] = default;
        if (count > 0)
            Sink(0);
        return first;
    }

    private void Raise(int index)
    {
        Event raised = heap[index];
        while (index > 0)
        {
            int parent = (index - 1) >> 2;
            if (!raised.IsBefore(heap[parent]))
                break;
            heap[index] = heap[parent];
            index = parent;
        }

        heap[index] = raised;
    }

    // Four children a node: half the levels, and siblings share cache lines.
    private void Sink(int index)
    {
        Event sunk = heap[index];
        while (true)
        {
            int first = (index << 2) + 1;
            if (first >= count)
                break;
            int least = first;
            int end = Math.Min(first + 4, count);
            for (int child = first + 1; child < end; child++)
            {
                if (heap[child].IsBefore(heap[least]))
                    least = child;
            }

            if (!heap[least].IsBefore(sunk))
                break;
            heap[index] = heap[least];
            index = least;
        }

        heap[index] = sunk;
    }

    private readonly struct Event(
        long dueNs, ulong tie, ProcessLife? owner, IEventHandler handler, object message)
    {
        public long DueNs { get; } = dueNs;

        public ulong Tie { get; } = tie;

        public ProcessLife? Owner { get; } = owner;

        public IEventHandler Handler { get; } = handler;

        public object Message { get; } = message;

        public bool IsBefore(in Event other) =>
            DueNs != other.DueNs ? DueNs < other.DueNs : Tie < other.Tie;
    }
}
