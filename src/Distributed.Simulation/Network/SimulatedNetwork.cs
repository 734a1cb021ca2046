using Distributed.Kernel;
using Distributed.Simulation.Checks;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Network;

/// <summary>All connections, and what stands in their way.</summary>
internal sealed class SimulatedNetwork(
    Scheduler scheduler, Checker checker, Conditions conditions, NetworkHooks hooks, ulong seed)
    : IEventHandler
{
    private const long LatencyNsMax = 3 * Span.Second;

    private readonly List<Connection> connections = [];
    private readonly List<Partition> partitions = [];
    private readonly List<Direction> holding = [];

    public int Number => -1;

    public Prng Random { get; } = new(CounterRandom.Key(seed, 0xAE));

    public Scheduler Scheduler => scheduler;

    public Checker Checker => checker;

    public NetworkHooks Hooks => hooks;

    public IReadOnlyList<Connection> Connections => connections;

    public Connection Connect(ProcessLife dialler, ProcessLife listener, bool isControl)
    {
        var connection = new Connection(this, dialler, listener, isControl)
        {
            Index = connections.Count,
        };
        connections.Add(connection);
        GiveUpIfBlocked(connection);
        return connection;
    }

    public bool IsBlocked(ProcessLife from, ProcessLife to)
    {
        foreach (Partition partition in partitions)
        {
            if (partition.SlownessFactor == 0
                && partition.Concerns(from.Machine.Number, to.Machine.Number))
                return true;
        }

        return false;
    }

    /// <summary>Mostly near the least, and once in a while far from it.</summary>
    public long LatencyNs(ProcessLife from, ProcessLife to)
    {
        long ns = conditions.LatencyNs
            + (long)Random.NextBelow((ulong)conditions.LatencyNs);
        if (Random.NextChance(1, 500))
            ns *= 40;
        foreach (Partition partition in partitions)
        {
            if (partition.SlownessFactor > 0
                && partition.Concerns(from.Machine.Number, to.Machine.Number))
                ns *= partition.SlownessFactor;
        }

        return Math.Min(ns, LatencyNsMax);
    }

    public void Begin(Partition partition)
    {
        partitions.Add(partition);
        if (partition.SlownessFactor > 0)
            return;
        foreach (Connection connection in connections)
            GiveUpIfBlocked(connection);
    }

    public void Heal(Partition partition)
    {
        partitions.Remove(partition);
        Direction[] waiting = [.. holding];
        holding.Clear();
        foreach (Direction direction in waiting)
            direction.Release();
    }

    public void Hold(Direction direction) => holding.Add(direction);

    public void Forget(Connection connection)
    {
        connection.Dialler.Connections.Remove(connection);
        connection.Listener.Connections.Remove(connection);
        if (connection.Index < 0)
            return;
        Connection last = connections[^1];
        connections[connection.Index] = last;
        last.Index = connection.Index;
        connections.RemoveAt(connections.Count - 1);
        connection.Index = -1;
    }

    /// <summary>The peers of a process hear of its death, soon or when they give up.</summary>
    public void OnDeath(ProcessLife life, bool silently)
    {
        foreach (Connection connection in life.Connections.ToArray())
        {
            ProcessLife other = connection.Other(life);
            bool late = silently || IsBlocked(life, other);
            long noticeNs = late
                ? Random.NextBetween(Span.Second, conditions.ConnectionTimeoutNs)
                : LatencyNs(life, other);
            connection.BreakByDeath(life, noticeNs, $"{life.Machine.Name} is gone");
        }
    }

    /// <summary>A connection that was blocked for too long breaks.</summary>
    public void Handle(object message)
    {
        var connection = (Connection)message;
        if (connection.Index >= 0 && IsBlocked(connection))
            connection.Break(conditions.ConnectionTimeoutNs, "the connection timed out");
    }

    private bool IsBlocked(Connection connection) =>
        IsBlocked(connection.Dialler, connection.Listener)
        || IsBlocked(connection.Listener, connection.Dialler);

    private void GiveUpIfBlocked(Connection connection)
    {
        if (IsBlocked(connection))
        {
            scheduler.Post(
                Random.NextBetween(Span.Second, conditions.ConnectionTimeoutNs), null, this,
                connection);
        }
    }
}
