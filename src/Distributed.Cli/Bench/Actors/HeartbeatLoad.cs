using System.Diagnostics;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Cli.Bench.Actors;

/// <summary>
/// The real coordinator actor with many workers that do nothing but live: every heartbeat feeds the
/// failure detector and is answered.
/// </summary>
internal sealed class HeartbeatLoad
{
    private readonly PumpedActors _actors;
    private readonly IActorRef _coordinator;
    private readonly WorkerSent[] _heartbeats;
    private readonly CountingLink _link = new();

    public HeartbeatLoad(int workers)
    {
        _actors = new PumpedActors(mailboxCapacity: 4 * workers);
        var identity = new CoordinatorIdentity("bench", 1, "here", 1, "127.0.0.1:1");
        _coordinator = _actors.System.Spawn("coordinator", () => new CoordinatorActor(
            identity, new GrantingStore(),
            () => throw new InvariantException("no job is recorded here"), new NoTrials(),
            new CoordinatorSettings()));
        _actors.Drain();
        for (int number = 0; number < workers; number++)
        {
            var worker = new WorkerIdentity(
                $"w{number}", (ulong)number + 1, "here", number + 1, $"127.0.0.1:{number}", []);
            _coordinator.Tell(new WorkerConnected(worker, _link));
            _actors.Drain();
        }

        Invariant.Check(_link.Told == workers, "every worker is welcomed");
        _heartbeats =
        [
            .. Enumerable.Range(0, workers).Select(number => new WorkerSent(
                (ulong)number + 1, _link, Heartbeat.Instance)),
        ];
    }

    /// <summary>How many heartbeats are handled and answered in a second.</summary>
    public double HeartbeatsPerSecond(TimeSpan duration)
    {
        long before = _link.Told;
        long started = Stopwatch.GetTimestamp();
        long sent = 0;
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            foreach (WorkerSent heartbeat in _heartbeats)
                _coordinator.Tell(heartbeat);
            _actors.Drain();
            sent += _heartbeats.Length;
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Invariant.Check(_link.Told - before == sent, "every heartbeat is answered");
        return sent / seconds;
    }

    /// <summary>Where answers go; only their number is of interest.</summary>
    private sealed class CountingLink : IControlLink
    {
        public long Told { get; private set; }

        public string Path => "/bench/link";

        public void Tell(object message, IActorRef? sender = null) => Told++;

        public void Close(string reason) =>
            throw new InvariantException($"a worker was given up: {reason}");
    }

    /// <summary>A store that has no job and gives the lease to whoever asks.</summary>
    private sealed class GrantingStore : IClusterStore
    {
        public void ReadLease(IActorRef replyTo) =>
            replyTo.Tell(new LeaseRead(new Lease(0, 0, null), HolderIsGone: false));

        public void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo) =>
            replyTo.Tell(new LeaseTaken(1));

        public void RenewLease(long term, IActorRef replyTo) =>
            replyTo.Tell(new LeaseRenewed(term));

        public void ReturnLease(long term)
        {
            // Nobody else wants it.
        }

        public void LoadJobs(IActorRef replyTo) => replyTo.Tell(new JobsLoaded([], []));

        public void Append(long term, JobDecision decision, IActorRef replyTo) =>
            replyTo.Tell(new Appended(decision));

        public void AppendSweep(
            long term, IReadOnlyList<SweepDecision> decisions, IActorRef replyTo) =>
            throw new InvariantException("no sweep is run here");
    }

    private sealed class NoTrials : ITrialPort
    {
        public void Prepare(TrialLeg leg, IActorRef replyTo) =>
            throw new InvariantException("no sweep is run here");

        public void Conclude(SweepDescription sweep, TrialEnded ended) =>
            throw new InvariantException("no sweep is run here");
    }
}
