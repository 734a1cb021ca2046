using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;

namespace Distributed.Simulation.Workload;

/// <summary>The connection of a command with a coordinator.</summary>
internal sealed class CommandStream
{
    private readonly SimulatedNetwork network;
    private readonly Watcher watcher;
    private readonly Connection connection;

    public CommandStream(
        SimulatedNetwork network, Watcher watcher, ProcessLife life, ProcessLife coordinator)
    {
        this.network = network;
        this.watcher = watcher;
        connection = network.Connect(life, coordinator, isControl: true);
        connection.Backward.End = new CommandEnd(this);
        connection.Forward.End = new ServerEnd(this);
    }

    /// <summary>Submits the job, or watches it if it is known to be accepted.</summary>
    public void Ask(WatchedJob job) => connection.Forward.Send(new Command(job));

    public void Stop(ulong job) => connection.Forward.Send(new StopJob(job, "stopped by command"));

    public void Order(ClusterOrder order) => connection.Forward.Send(order);

    public void Close(string reason) => connection.Close(connection.Dialler, reason);

    private sealed record Command(WatchedJob Job);

    private sealed class CommandEnd(CommandStream stream) : IConnectionEnd
    {
        public void Receive(object message) => stream.watcher.OnMessage(stream, message);

        public void Closed(string reason) => stream.watcher.OnClosed(stream);
    }

    /// <summary>Stands for the watcher in the coordinator.</summary>
    private sealed class ServerEnd(CommandStream stream) : IConnectionEnd, IActorRef
    {
        private ulong watched;

        private IActorRef Coordinator => stream.connection.Listener.Main;

        public string Path => $"/command/{stream.connection.Dialler.Machine.Name}";

        public void Tell(object message, IActorRef? sender = null)
        {
            stream.network.Checker.OnTold(watched, message);
            stream.connection.Backward.Send(message);
        }

        public void Receive(object message)
        {
            if (message is not Command { Job: var job })
            {
                Coordinator.Tell(message, this);
                return;
            }

            if (watched != 0)
                Coordinator.Tell(new WatcherGone(watched, this), this);
            watched = job.Number;
            Coordinator.Tell(
                job.IsAccepted
                    ? new WatchJob(job.Number, job.EpochsSeen, job.ReturnsSeen, this)
                    : new SubmitJob(job.Number, job.Description, this),
                this);
        }

        public void Closed(string reason)
        {
            if (watched != 0)
                Coordinator.Tell(new WatcherGone(watched, this), this);
        }
    }
}
