using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;

namespace Distributed.Simulation.Workload;

/// <summary>The connection with a coordinator of a command that runs a sweep.</summary>
internal sealed class SweepStream
{
    private readonly SimulatedNetwork network;
    private readonly SweepWatcher watcher;
    private readonly Connection connection;

    public SweepStream(
        SimulatedNetwork network, SweepWatcher watcher, ProcessLife life, ProcessLife coordinator)
    {
        this.network = network;
        this.watcher = watcher;
        connection = network.Connect(life, coordinator, isControl: true);
        connection.Backward.End = new CommandEnd(this);
        connection.Forward.End = new ServerEnd(this);
    }

    /// <summary>Submits the sweep; or watches it on, once something of it was seen.</summary>
    public void Ask(SweepSubmitted sweep, long seen) =>
        connection.Forward.Send(new Command(sweep, seen));

    public void Order(SweepOrder order) => connection.Forward.Send(order);

    public void Close(string reason) => connection.Close(connection.Dialler, reason);

    private sealed record Command(SweepSubmitted Sweep, long Seen);

    private sealed class CommandEnd(SweepStream stream) : IConnectionEnd
    {
        public void Receive(object message) => stream.watcher.OnMessage(stream, message);

        public void Closed(string reason) => stream.watcher.OnClosed(stream);
    }

    /// <summary>Stands for the watcher in the coordinator.</summary>
    private sealed class ServerEnd(SweepStream stream) : IConnectionEnd, IActorRef
    {
        private ulong watched;

        private IActorRef Coordinator => stream.connection.Listener.Main;

        public string Path => $"/sweep/{stream.connection.Dialler.Machine.Name}";

        public void Tell(object message, IActorRef? sender = null)
        {
            if (message is SweepProgressed progressed)
                stream.network.Checker.OnSweepTold(progressed);
            stream.connection.Backward.Send(message);
        }

        public void Receive(object message)
        {
            if (message is not Command command)
            {
                Coordinator.Tell(message, this);
                return;
            }

            Leave();
            watched = command.Sweep.Sweep;
            Coordinator.Tell(
                command.Seen > 0
                    ? new WatchSweep(watched, command.Seen, this)
                    : new SubmitSweep(command.Sweep, this),
                this);
        }

        public void Closed(string reason) => Leave();

        private void Leave()
        {
            if (watched != 0)
                Coordinator.Tell(new SweepWatcherGone(watched, this), this);
        }
    }
}
