using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;

namespace Distributed.Simulation.Training;

/// <summary>Where workers find each other: one connection a pair and generation.</summary>
internal sealed class DataPlane(SimulatedNetwork network)
{
    private readonly Dictionary<string, SimulatedTraining> ports = [];
    private readonly Dictionary<Key, DataConnection> connections = [];

    public void Register(string address, SimulatedTraining port) => ports[address] = port;

    public void Unregister(string address) => ports.Remove(address);

    /// <summary>Null where no process is at that address.</summary>
    public SimulatedTraining? Find(string address) => ports.GetValueOrDefault(address);

    /// <summary>
    /// The connection with that peer for that generation, opened by whichever comes first.
    /// </summary>
    public DataConnection Join(
        SimulatedTraining port, SimulatedTraining peer, ulong job, int generation)
    {
        int low = Math.Min(port.Life.Number, peer.Life.Number);
        int high = Math.Max(port.Life.Number, peer.Life.Number);
        var key = new Key(job, generation, low, high);
        if (connections.TryGetValue(key, out DataConnection? existing))
            return existing;
        var opened = new DataConnection(this, network, port, peer, key, isCopy: false);
        connections.Add(key, opened);
        return opened;
    }

    /// <summary>A connection to copy state over.</summary>
    public DataConnection OpenCopy(
        SimulatedTraining port, SimulatedTraining source, ulong job, int generation) =>
        new(this, network, port, source, new Key(job, generation, -1, -1), isCopy: true);

    internal void Forget(in Key key) => connections.Remove(key);

    internal readonly record struct Key(ulong Job, int Generation, int Low, int High);
}

/// <summary>A connection between two workers.</summary>
internal sealed class DataConnection
{
    private readonly DataPlane plane;
    private readonly DataPlane.Key key;
    private readonly Connection connection;

    public DataConnection(
        DataPlane plane, SimulatedNetwork network, SimulatedTraining port,
        SimulatedTraining peer, in DataPlane.Key key, bool isCopy)
    {
        this.plane = plane;
        this.key = key;
        connection = network.Connect(port.Life, peer.Life, isControl: false);
        connection.Forward.End = new End(this, peer);
        connection.Backward.End = new End(this, port);
        if (isCopy)
            return;
        // Nothing comes out before the peer has taken its place too.
        connection.Forward.HoldUntilAccepted();
        connection.Backward.HoldUntilAccepted();
        peer.OnOffered(this);
    }

    public ulong Job => key.Job;

    public int Generation => key.Generation;

    public void Accept(SimulatedTraining port) => connection.To(port.Life).Accept();

    public void Send(SimulatedTraining port, Frame frame) =>
        connection.From(port.Life).Send(frame);

    public void Close(SimulatedTraining port, string reason)
    {
        plane.Forget(key);
        // An end that never took its place hears of this when it does.
        connection.To(connection.Other(port.Life)).Accept();
        connection.Close(port.Life, reason);
    }

    private sealed class End(DataConnection connection, SimulatedTraining port) : IConnectionEnd
    {
        public void Receive(object message) => port.OnFrame(connection, (Frame)message);

        public void Closed(string reason)
        {
            connection.plane.Forget(connection.key);
            port.OnClosed(connection);
        }
    }
}
