using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Workload;

/// <summary>
/// A command line that submits one job after another and watches each to its end: it submits under
/// the same number until the job is accepted, and watches again whenever it loses the coordinator.
/// </summary>
internal sealed class Watcher : IEventHandler
{
    private readonly ProcessLife life;
    private readonly SimulatedWorld world;
    private readonly Prng random;
    private readonly int workersMax;
    private CommandStream? stream;
    private string leader = "";
    private int dials;
    private bool isDialling;
    private bool stopIsWanted;
    private readonly Operator? orders;

    public Watcher(ProcessLife life, SimulatedWorld world, int workersMax)
    {
        this.life = life;
        this.world = world;
        this.workersMax = workersMax;
        random = new Prng(CounterRandom.Key(world.Seed, (ulong)life.Number, 0x3A7));
        orders = world.Conditions.HasOrders ? new Operator(life, world, this, workersMax) : null;
    }

    public int Number => life.Number;

    /// <summary>Null between two jobs.</summary>
    public WatchedJob? Job { get; private set; }

    /// <summary>When somebody last ordered something about the job or the workers.</summary>
    public long OrderedNs => orders?.OrderedNs ?? 0;

    /// <summary>Null while it has lost its coordinator.</summary>
    public CommandStream? Stream => stream;

    public void Start()
    {
        Later(random.NextBetween(0, 5 * Span.Second), Next.Submit);
        orders?.Start();
    }

    public void Handle(object message)
    {
        switch (message)
        {
            case Next.Submit:
                Submit();
                break;
            case Next.Dial:
                Dial();
                break;
            case Next.Stop:
                stopIsWanted = Job is not null;
                SendStop();
                break;
        }
    }

    public void OnMessage(CommandStream from, object message)
    {
        if (world.Checker.Log is not null && message is not StepCommitted)
            world.Checker.Note($"{life.Machine.Name} hears {message}");
        if (from != stream || Job is null)
            return;
        switch (message)
        {
            case CoordinatorStandsBy standsBy:
                leader = standsBy.LeaderAddress;
                Hang("it stands by");
                break;
            case JobAccepted:
                Job.IsAccepted = true;
                SendStop();
                break;
            case ClusterOrderReply reply:
                orders?.OnReply(from, reply);
                break;
            case StopJobReply { Found: true }:
                stopIsWanted = false;
                break;
            case RunReturned returned:
                Job.EpochsSeen = Math.Min(Job.EpochsSeen, returned.EpochsKept);
                Job.ReturnsSeen = returned.Returns;
                break;
            case EpochCompleted epoch:
                world.Checker.Expect(
                    epoch.Epoch == Job.EpochsSeen + 1, "watchers",
                    $"a watcher is told of epoch {epoch.Epoch} after {Job.EpochsSeen}");
                Job.EpochsSeen = epoch.Epoch;
                break;
            case RunCompleted or RunInterrupted or RunFailed:
                OnEnd((RunEvent)message);
                break;
        }
    }

    public void OnClosed(CommandStream closed)
    {
        if (closed != stream)
            return;
        world.Checker.Note($"{life.Machine.Name} has lost its coordinator");
        stream = null;
        DialLater();
    }

    private void Submit()
    {
        long leftNs = world.EndNs - world.Scheduler.NowNs;
        if (leftNs < 20 * Span.Second)
            return;
        Begin(JobDraw.Draw(
            random, world.NewRun(), workersMax, leftNs, world.Conditions));
    }

    private void Begin(JobDescription description)
    {
        ulong number = random.NextUInt64() | 1;
        ulong runSeed = world.RunSeedOf(description);
        world.Register(runSeed, description);
        Job = new WatchedJob(number, runSeed, description, world.Scheduler.NowNs);
        stopIsWanted = false;
        world.Checker.Note($"{life.Machine.Name} submits {number:x16}: {description}");
        if (world.Has(FaultClasses.Stops) && random.NextPercent(30))
            Later(random.NextScaled(Span.Second, 600 * Span.Second), Next.Stop);
        if (stream is null)
            Dial();
        else
            stream.Ask(Job);
    }

    private void Dial()
    {
        if (stream is not null || isDialling || Job is null)
            return;
        isDialling = true;
        string address = leader.Length > 0
            ? leader
            : world.Coordinators[dials++ % world.Coordinators.Count].Address;
        leader = "";
        world.Dialling.Dial(life, address, OnConnected, _ =>
        {
            isDialling = false;
            DialLater();
        });
    }

    private void OnConnected(ProcessLife listener)
    {
        isDialling = false;
        world.Checker.Note($"{life.Machine.Name} is connected with {listener.Machine.Name}");
        stream = new CommandStream(world.Network, this, life, listener);
        if (Job is not null)
            stream.Ask(Job);
    }

    private void SendStop()
    {
        if (!stopIsWanted || Job is not { IsAccepted: true } || stream is null)
            return;
        world.Checker.OnStopWanted(Job.Number);
        stream.Stop(Job.Number);
    }

    private void OnEnd(RunEvent outcome)
    {
        WatchedJob ended = Job!;
        Job = null;
        stopIsWanted = false;
        if (outcome is RunInterrupted interrupted && random.NextPercent(60))
        {
            // As train --resume does, or a sweep that runs a trial in legs.
            StepSchedule schedule = ended.Description.Schedule;
            world.Disk.CutBack(ended.Description.RunFolder, interrupted.Step, returns: 0);
            Begin(ended.Description with
            {
                Schedule = schedule with
                {
                    StopAfterStep = JobDraw.DrawStop(
                        random, interrupted.Step, schedule.StepsTotal),
                },
                StartStep = interrupted.Step,
                CheckpointFolder = interrupted.Step == 0
                    ? ""
                    : world.Disk.CheckpointPath(ended.Description.RunFolder, interrupted.Step),
                Numerics = "simulated=1",
            });
            return;
        }

        Hang("its job has ended");
        Later(random.NextBetween(0, 10 * Span.Second), Next.Submit);
    }

    private void Hang(string reason)
    {
        stream?.Close(reason);
        stream = null;
        DialLater();
    }

    private void DialLater() =>
        Later(random.NextBetween(Span.Second / 10, 2 * Span.Second), Next.Dial);

    private void Later(long delayNs, Next next) =>
        world.Scheduler.Post(delayNs, life, this, next);

    private enum Next
    {
        Submit,
        Dial,
        Stop,
    }
}
