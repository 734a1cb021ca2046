using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Workload;

/// <summary>
/// Gives orders about a watcher's job and about workers at drawn times, until nothing goes wrong
/// any more; what is paused it resumes and what is benched it takes back, whatever gets lost on the
/// way.
/// </summary>
internal sealed class Operator(
    ProcessLife life, SimulatedWorld world, Watcher watcher, int workersMax) : IEventHandler
{
    private readonly Prng random =
        new(CounterRandom.Key(world.Seed, (ulong)life.Number, 0x0DE7));

    private readonly SortedSet<string> benched = new(StringComparer.Ordinal);
    private ClusterOrder? asked;
    private CommandStream? askedOn;
    private long resumeNs;
    private long unbenchNs;

    public int Number => life.Number;

    /// <summary>When something was last ordered or taken back.</summary>
    public long OrderedNs { get; private set; }

    /// <summary>One at a time, so that a reply is of what was asked.</summary>
    private bool MayAsk =>
        watcher.Stream is not null && (asked is null || askedOn != watcher.Stream);

    public void Start()
    {
        OrderLater();
        Later(5 * Span.Second, Next.Look);
    }

    public void Handle(object message)
    {
        if (message is Next.Order)
        {
            if (!world.Faults.AreOver)
            {
                Order();
                OrderLater();
            }

            return;
        }

        Look();
        Later(random.NextBetween(3, 10) * Span.Second, Next.Look);
    }

    public void OnReply(CommandStream from, ClusterOrderReply reply)
    {
        if (from != askedOn || asked is null)
            return;
        ClusterOrder answered = asked;
        asked = null;
        if (answered is not UnbenchWorker unbench || !reply.Taken)
            return;
        OrderedNs = world.Scheduler.NowNs;
        benched.Remove(unbench.Worker);
    }

    private void Order()
    {
        if (watcher is not { Job: { IsAccepted: true } job } || !MayAsk)
            return;
        OrderedNs = world.Scheduler.NowNs;
        string worker = world.Workers[random.NextBetween(0, world.Workers.Count - 1)].Name;
        switch (random.NextBetween(0, 9))
        {
            case < 3:
                resumeNs = OrderedNs + random.NextScaled(Span.Second, 60 * Span.Second);
                Send(new PauseJob(job.Number, "paused by command"));
                break;
            case < 6:
                Send(new ScaleJob(job.Number, random.NextBetween(1, workersMax)));
                break;
            case 6:
                Send(new CheckpointJob(job.Number));
                break;
            case 7:
                unbenchNs = OrderedNs + random.NextScaled(Span.Second, 60 * Span.Second);
                benched.Add(worker);
                Send(new BenchWorker(worker, "benched by command"));
                break;
            case 8:
                Send(new LeaveWorker(worker, "sent away by command"));
                break;
            default:
                Send(random.NextPercent(70)
                    ? new DownWorker(worker, "downed by command")
                    : new DownUnreachable("downed by command"));
                break;
        }
    }

    private void Look()
    {
        if (watcher.Job is not { } job || !MayAsk)
            return;
        long nowNs = world.Scheduler.NowNs;
        if (nowNs >= resumeNs
            && world.Store.Find(job.Number) is { PauseReason: not null, Outcome: null })
            Send(new ResumeJob(job.Number));
        else if (nowNs >= unbenchNs && benched.Count > 0)
            Send(new UnbenchWorker(benched.Min!));
    }

    private void Send(ClusterOrder order)
    {
        world.Checker.Note($"{life.Machine.Name} wants {order}");
        askedOn = watcher.Stream;
        asked = order;
        askedOn!.Order(order);
    }

    private void OrderLater() =>
        Later(random.NextScaled(5 * Span.Second, 300 * Span.Second), Next.Order);

    private void Later(long delayNs, Next next) =>
        world.Scheduler.Post(delayNs, life, this, next);

    private enum Next
    {
        Order,
        Look,
    }
}
