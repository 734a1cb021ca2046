using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Network;

/// <summary>One direction of a connection: a queue, and an event for each time that something may
/// come out of it.</summary>
internal sealed class Direction(
    SimulatedNetwork network, Connection connection, ProcessLife from, ProcessLife to)
    : IEventHandler
{
    /// <summary>More than this in flight means that nobody bounds what is sent.</summary>
    public const int InFlightMax = 100_000;

    private readonly Queue<Parcel> inFlight = new();
    private long arrivalNs;
    private long sent;
    private long received;
    private int held;
    private string endReason = "";
    private bool accepted = true;

    public int Number => to.Number;

    public ProcessLife From => from;

    public ProcessLife To => to;

    /// <summary>Who gets what comes out; set before anything can.</summary>
    public IConnectionEnd End { get; set; } = null!;

    /// <summary>The receiver will hear of the end without anything more being done.</summary>
    public bool EndIsDue { get; private set; }

    /// <summary>Nothing comes out any more.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Holds everything until <see cref="Accept"/>.</summary>
    public void HoldUntilAccepted() => accepted = false;

    public void Accept()
    {
        accepted = true;
        Release();
    }

    public void Send(object message)
    {
        if (connection.IsBroken || IsOver)
            return;
        if (inFlight.Count >= InFlightMax)
        {
            network.Checker.Fail(
                "bounds", $"{inFlight.Count} messages are in flight from {from.Machine.Name} to "
                + to.Machine.Name);
            return;
        }

        inFlight.Enqueue(new Parcel(++sent, message, connection));
        PostSignal();
    }

    public void CloseAfterAll(string reason)
    {
        endReason = reason;
        inFlight.Enqueue(new Parcel(++sent, EndSignal.Instance, connection));
        PostSignal();
    }

    public void Break(long noticeNs, string reason)
    {
        if (IsOver || EndIsDue)
            return;
        EndIsDue = true;
        endReason = reason;
        int arrive = network.Random.NextBetween(0, inFlight.Count);
        for (int index = inFlight.Count; index > 0; index--)
        {
            Parcel parcel = inFlight.Dequeue();
            if (arrive-- > 0)
                inFlight.Enqueue(parcel);
        }

        network.Scheduler.Post(noticeNs, to, this, EndSignal.Instance);
    }

    /// <summary>The receiver is dead.</summary>
    public void Drop()
    {
        IsOver = true;
        inFlight.Clear();
    }

    /// <summary>What was held because nothing came through may come out now.</summary>
    public void Release()
    {
        int signals = held;
        held = 0;
        for (int index = 0; index < signals; index++)
            network.Scheduler.Post(index, to, this, Signal.Instance);
    }

    public void Handle(object message)
    {
        if (IsOver)
            return;
        if (message is EndSignal)
        {
            Finish();
            return;
        }

        bool blocked = network.IsBlocked(from, to);
        if (blocked || !accepted)
        {
            if (held++ == 0 && blocked)
                network.Hold(this);
            return;
        }

        if (network.Hooks.Take(inFlight, out Parcel parcel))
            Deliver(parcel);
    }

    private void Deliver(Parcel parcel)
    {
        if (parcel.Sequence != ++received || parcel.Connection != connection)
        {
            network.Checker.Fail(
                "streams", $"{parcel.Message} reached {to.Machine.Name} out of order or over "
                + "another stream than it was sent on");
            return;
        }

        if (parcel.Message is EndSignal)
            Finish();
        else
            End.Receive(parcel.Message);
    }

    private void Finish()
    {
        IsOver = true;
        inFlight.Clear();
        End.Closed(endReason);
        connection.OnEnd();
    }

    private void PostSignal()
    {
        // Later than all that was sent before: a stream has no overtaking.
        arrivalNs = Math.Max(
            arrivalNs + 1, network.Scheduler.NowNs + network.LatencyNs(from, to));
        network.Scheduler.Post(
            arrivalNs - network.Scheduler.NowNs, to, this, Signal.Instance);
    }

    private sealed class Signal
    {
        public static readonly Signal Instance = new();
    }

    private sealed class EndSignal
    {
        public static readonly EndSignal Instance = new();
    }
}

/// <summary>A message in flight.</summary>
internal readonly record struct Parcel(long Sequence, object Message, Connection Connection);
