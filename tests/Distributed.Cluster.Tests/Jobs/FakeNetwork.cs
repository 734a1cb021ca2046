using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>Control streams without latency between workers and coordinators.</summary>
internal sealed class FakeNetwork : IDialPort
{
    private readonly Dictionary<string, IActorRef> coordinators = [];
    private readonly List<Stream> streams = [];

    public int CoordinatorsStarted { get; private set; }

    public IActorRef? CoordinatorAt(string address) => coordinators.GetValueOrDefault(address);

    public void Start(string address, IActorRef coordinator)
    {
        coordinators[address] = coordinator;
        CoordinatorsStarted++;
    }

    public void Kill(string address)
    {
        IActorRef dead = coordinators[address];
        coordinators.Remove(address);
        foreach (Stream stream in streams.Where(stream => stream.Coordinator == dead).ToList())
            stream.End("the coordinator was killed");
    }

    public void Break(IActorRef worker, string reason)
    {
        foreach (Stream stream in streams.Where(stream => stream.Worker == worker).ToList())
            stream.End(reason);
    }

    /// <summary>
    /// The worker's process stands still: it says nothing, and hears it all later.
    /// </summary>
    public void Freeze(IActorRef worker) => StreamsOf(worker).ForEach(stream => stream.Freeze());

    public void Thaw(IActorRef worker) => StreamsOf(worker).ForEach(stream => stream.Thaw());

    public void Dial(string address, WorkerIdentity identity, IActorRef worker)
    {
        if (!coordinators.TryGetValue(address, out IActorRef? coordinator))
        {
            worker.Tell(new DialFailed(address, $"nothing listens at {address}"));
            return;
        }

        var stream = new Stream(identity, worker, coordinator);
        streams.Add(stream);
        stream.Open();
    }

    private List<Stream> StreamsOf(IActorRef worker) =>
        [.. streams.Where(stream => stream.Worker == worker)];

    private sealed class Stream(
        WorkerIdentity identity, IActorRef worker, IActorRef coordinator)
    {
        private readonly List<End> ends = [];
        private readonly List<object> withheld = [];
        private bool isOver;
        private bool isFrozen;

        public IActorRef Worker => worker;

        public IActorRef Coordinator => coordinator;

        public void Open()
        {
            var atWorker = new End("/coordinator", this);
            var atCoordinator = new End("/worker", this);
            ends.AddRange([atWorker, atCoordinator]);
            worker.Tell(new LinkOpened(atWorker));
            coordinator.Tell(new WorkerConnected(identity, atCoordinator));
        }

        public void Deliver(End from, object message)
        {
            if (isOver)
                return;
            if (from == ends[0])
            {
                if (isFrozen)
                    return;
                coordinator.Tell(new WorkerSent(
                    identity.Incarnation, ends[1], (WorkerMessage)message));
                if (message is AttachmentSent)
                    TellWorker(new AttachmentLeft(ends[0]));
            }
            else
            {
                TellWorker(new LinkMessage(ends[0], (CoordinatorMessage)message));
            }
        }

        public void Freeze() => isFrozen = true;

        public void Thaw()
        {
            isFrozen = false;
            withheld.ForEach(message => worker.Tell(message));
            withheld.Clear();
        }

        private void TellWorker(object message)
        {
            if (isFrozen)
                withheld.Add(message);
            else
                worker.Tell(message);
        }

        public void End(string reason)
        {
            if (isOver)
                return;
            isOver = true;
            TellWorker(new LinkClosed(ends[0], reason));
            coordinator.Tell(new WorkerDisconnected(identity.Incarnation, ends[1], reason));
        }
    }

    private sealed class End(string path, Stream stream) : IControlLink
    {
        public string Path => path;

        public void Tell(object message, IActorRef? sender = null) =>
            stream.Deliver(this, message);

        public void Close(string reason) => stream.End(reason);
    }
}
