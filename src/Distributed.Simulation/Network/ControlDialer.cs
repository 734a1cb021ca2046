using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Network;

/// <summary>A worker process's way to coordinators.</summary>
internal sealed class ControlDialer(
    ProcessLife life, SimulatedNetwork network, Dialling dialling) : IDialPort
{
    public void Dial(string address, WorkerIdentity identity, IActorRef worker) =>
        dialling.Dial(
            life, address,
            listener => new ControlStream(network, life, listener, identity, worker).Open(),
            reason => worker.Tell(new DialFailed(address, reason)));
}

/// <summary>A worker's control stream.</summary>
internal sealed class ControlStream
{
    private readonly SimulatedNetwork network;
    private readonly Connection connection;
    private readonly WorkerIdentity identity;
    private readonly IActorRef worker;
    private readonly WorkerEnd workerEnd;
    private readonly CoordinatorEnd coordinatorEnd;

    public ControlStream(
        SimulatedNetwork network, ProcessLife dialler, ProcessLife listener,
        WorkerIdentity identity, IActorRef worker)
    {
        this.network = network;
        this.identity = identity;
        this.worker = worker;
        connection = network.Connect(dialler, listener, isControl: true);
        workerEnd = new WorkerEnd(this);
        coordinatorEnd = new CoordinatorEnd(this);
        connection.Backward.End = workerEnd;
        connection.Forward.End = coordinatorEnd;
    }

    /// <summary>Both ends hear of it as the first thing that comes out of the stream.</summary>
    public void Open()
    {
        connection.Forward.Send(new WorkerConnected(identity, coordinatorEnd));
        connection.Backward.Send(new LinkOpened(workerEnd));
    }

    private sealed class WorkerEnd(ControlStream stream) : IControlLink, IConnectionEnd
    {
        private bool opened;

        public string Path => $"/link/{stream.connection.Listener.Machine.Name}";

        public void Tell(object message, IActorRef? sender = null)
        {
            stream.network.Checker.OnWorkerTells(
                stream.identity, (WorkerMessage)message);
            stream.connection.Forward.Send(message);
        }

        public void Close(string reason) =>
            stream.connection.Close(stream.connection.Dialler, reason);

        public void Receive(object message)
        {
            if (message is LinkOpened)
            {
                opened = true;
                stream.worker.Tell(message);
            }
            else
            {
                stream.worker.Tell(new LinkMessage(this, (CoordinatorMessage)message));
            }
        }

        public void Closed(string reason) =>
            stream.worker.Tell(opened
                ? new LinkClosed(this, reason)
                : new DialFailed(stream.connection.Listener.Machine.Address, reason));
    }

    private sealed class CoordinatorEnd(ControlStream stream) : IControlLink, IConnectionEnd
    {
        private bool connected;
        private long term;

        private ProcessLife Coordinator => stream.connection.Listener;

        public string Path => $"/link/{stream.identity.Name}";

        public void Tell(object message, IActorRef? sender = null)
        {
            CoordinatorMessage told =
                stream.network.Hooks.Told((CoordinatorMessage)message);
            if (told is Welcome welcome)
                term = welcome.Term;
            stream.network.Checker.OnCoordinatorTells(
                Coordinator, term, stream.identity.Incarnation, told);
            stream.connection.Backward.Send(told);
        }

        public void Close(string reason) => stream.connection.Close(Coordinator, reason);

        public void Receive(object message)
        {
            connected = true;
            Coordinator.Main.Tell(message is WorkerConnected
                ? message
                : new WorkerSent(stream.identity.Incarnation, this, (WorkerMessage)message));
        }

        public void Closed(string reason)
        {
            if (connected)
            {
                Coordinator.Main.Tell(
                    new WorkerDisconnected(stream.identity.Incarnation, this, reason));
            }
        }
    }
}

/// <summary>How connections to coordinators come about, or not.</summary>
internal sealed class Dialling(
    SimulatedNetwork network, IReadOnlyList<SimulatedMachine> coordinators) : IEventHandler
{
    public int Number => -2;

    /// <summary>
    /// One of the two is called later: the first at the moment of connecting, the second as an
    /// event of the process that dialled.
    /// </summary>
    public void Dial(
        ProcessLife life, string address, Action<ProcessLife> connected, Action<string> failed)
    {
        SimulatedMachine? machine = null;
        foreach (SimulatedMachine coordinator in coordinators)
        {
            if (coordinator.Address == address)
                machine = coordinator;
        }

        long latencyNs = network.LatencyNs(life, life);
        network.Scheduler.Post(
            latencyNs, null, this, new Attempt(life, machine, connected, failed));
    }

    public void Handle(object message)
    {
        switch (message)
        {
            case Attempt attempt when !attempt.Life.IsDead:
                Try(attempt);
                break;
            case Failure failure:
                failure.Failed(failure.Reason);
                break;
        }
    }

    private void Try(Attempt attempt)
    {
        ProcessLife? listener = attempt.Machine?.Life;
        if (attempt.Machine is null)
        {
            Fail(attempt, 0, "nobody is known by that address");
        }
        else if (listener is null)
        {
            Fail(attempt, network.LatencyNs(attempt.Life, attempt.Life), "connection refused");
        }
        else if (listener.IsPaused || network.IsBlocked(attempt.Life, listener)
            || network.IsBlocked(listener, attempt.Life))
        {
            Fail(
                attempt, network.Random.NextBetween(Span.Second, 5 * Span.Second),
                "no answer in time");
        }
        else
        {
            attempt.Connected(listener);
        }
    }

    private void Fail(Attempt attempt, long delayNs, string reason) =>
        network.Scheduler.Post(
            delayNs, attempt.Life, this, new Failure(attempt.Failed, reason));

    private sealed record Attempt(
        ProcessLife Life, SimulatedMachine? Machine, Action<ProcessLife> Connected,
        Action<string> Failed);

    private sealed record Failure(Action<string> Failed, string Reason);
}
