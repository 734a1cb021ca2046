using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Network;

/// <summary>
/// A stream between two processes: in order in each direction, until it breaks. Then a prefix of
/// what is in flight still arrives, and the ends notice when they notice.
/// </summary>
internal sealed class Connection
{
    private readonly SimulatedNetwork network;

    public Connection(
        SimulatedNetwork network, ProcessLife dialler, ProcessLife listener, bool isControl)
    {
        this.network = network;
        IsControl = isControl;
        Forward = new Direction(network, this, dialler, listener);
        Backward = new Direction(network, this, listener, dialler);
        dialler.Connections.Add(this);
        if (listener != dialler)
            listener.Connections.Add(this);
    }

    /// <summary>From the dialler to the listener.</summary>
    public Direction Forward { get; }

    public Direction Backward { get; }

    /// <summary>False for those between workers.</summary>
    public bool IsControl { get; }

    /// <summary>Its place in the network's list.</summary>
    public int Index { get; set; } = -1;

    public bool IsBroken { get; private set; }

    public bool IsOver => Forward.IsOver && Backward.IsOver;

    public ProcessLife Dialler => Forward.From;

    public ProcessLife Listener => Forward.To;

    public Direction From(ProcessLife life) => life == Dialler ? Forward : Backward;

    public Direction To(ProcessLife life) => life == Dialler ? Backward : Forward;

    public ProcessLife Other(ProcessLife life) => life == Dialler ? Listener : Dialler;

    /// <summary>In good order: what was sent before still arrives.</summary>
    public void Close(ProcessLife by, string reason)
    {
        if (IsBroken)
            return;
        IsBroken = true;
        From(by).CloseAfterAll(reason);
        To(by).Break(network.LatencyNs(by, by), reason);
    }

    /// <summary>Each end notices on its own, within that time.</summary>
    public void Break(long noticeNsMax, string reason)
    {
        if (IsBroken && Forward.EndIsDue && Backward.EndIsDue)
            return;
        IsBroken = true;
        Forward.Break(network.Random.NextBetween(0, noticeNsMax), reason);
        Backward.Break(network.Random.NextBetween(0, noticeNsMax), reason);
    }

    /// <summary>One end has died with its process.</summary>
    public void BreakByDeath(ProcessLife dead, long noticeNs, string reason)
    {
        IsBroken = true;
        To(dead).Drop();
        From(dead).Break(noticeNs, reason);
        OnEnd();
    }

    public void OnEnd()
    {
        if (!IsOver)
            return;
        IsBroken = true;
        network.Forget(this);
    }
}
