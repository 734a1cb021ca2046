using Distributed.Kernel;
using Distributed.Simulation.Checks;
using Distributed.Simulation.Network;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Time;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Processes;

/// <summary>
/// One life of a process, from its start to its crash: its actors and all that it holds in memory.
/// </summary>
internal sealed class ProcessLife : IActorEnvironment, IEventHandler
{
    /// <summary>More messages than this without any time passing are a livelock.</summary>
    private const int MessagesPerRunMax = 100_000;

    private const int MessagesPerTurn = 256;
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Scheduler scheduler;
    private readonly Checker checker;
    private readonly Prng random;
    private readonly int lateRunPercent;
    private readonly List<(IEventHandler Handler, object Message)> putOff = [];
    private long armedNs = long.MaxValue;
    private bool wanted;

    public ProcessLife(
        SimulatedMachine machine, int number, Scheduler scheduler, Checker checker,
        Conditions conditions, ulong seed)
    {
        Machine = machine;
        Number = number;
        Incarnation = CounterRandom.Key(seed, (ulong)number, 4);
        this.scheduler = scheduler;
        this.checker = checker;
        random = new Prng(CounterRandom.Key(seed, (ulong)number, 1));
        lateRunPercent = conditions.LateRunPercent;
        var ready = new Prng(CounterRandom.Key(seed, (ulong)number, 2));
        var options = new ActorSystemOptions
        {
            LogLevel = checker.Log is null ? ActorLogLevel.Warning : ActorLogLevel.Debug,
            Throughput = conditions.Throughput,
            ChooseReady = conditions.RandomReady
                ? count => (int)ready.NextBelow((ulong)count)
                : null,
        };
        System = new ActorSystem(
            machine.Name, this, CounterRandom.Key(seed, (ulong)number, 3), options);
    }

    /// <summary>Counts the lives of all processes.</summary>
    public int Number { get; }

    /// <summary>As its members introduce themselves.</summary>
    public ulong Incarnation { get; }

    public SimulatedMachine Machine { get; }

    /// <summary>The device of a worker.</summary>
    public SimulatedTraining? Port { get; set; }

    /// <summary>A coordinator's way to the store.</summary>
    public SimulatedStore? Store { get; set; }

    public ActorSystem System { get; }

    /// <summary>The actor that messages from outside are for.</summary>
    public IActorRef Main { get; set; } = null!;

    public bool IsDead { get; private set; }

    public bool IsPaused { get; private set; }

    /// <summary>In percent: how long this process takes for what it computes.</summary>
    public int SlownessPercent { get; set; } = 100;

    /// <summary>The connections with an end here.</summary>
    public List<Connection> Connections { get; } = [];

    public long NowNs => scheduler.NowNs;

    public DateTimeOffset UtcNow =>
        Epoch.AddTicks((scheduler.NowNs + Machine.SkewNs) / TimeSpan.NanosecondsPerTick);

    public bool OnActorThread => true;

    public void Post(in Envelope envelope) => System.Deliver(envelope);

    public void Wake()
    {
        if (IsDead)
            return;
        wanted = true;
        if (scheduler.Current != this)
            scheduler.Post(0, this, this, RunTick.Instance);
    }

    public void Log(ActorLogRecord record)
    {
        checker.Log?.Invoke(
            $"{Span.ToSeconds(NowNs),12:0.000000} {Machine.Name}/{Number} {record.Source}: "
            + record.Text);
        if (record.Exception is { } failure)
            checker.Fail("actor", $"{Machine.Name} {record.Source}: {failure}");
    }

    public void Handle(object message)
    {
        if (message is RunTick)
        {
            wanted = true;
        }
        else if (armedNs <= NowNs)
        {
            armedNs = long.MaxValue;
            wanted = true;
        }
    }

    /// <summary>Runs the actors that an event has given work, now or a little later.</summary>
    public void RunAfterEvent()
    {
        if (!wanted || IsDead || IsPaused)
            return;
        if (lateRunPercent > 0 && random.NextPercent(lateRunPercent))
        {
            scheduler.Post(
                random.NextBetween(1, 5 * Span.Millisecond), this, this, RunTick.Instance);
            return;
        }

        wanted = false;
        int turns = 0;
        while (System.Run(MessagesPerTurn))
        {
            if (++turns > MessagesPerRunMax / MessagesPerTurn)
            {
                checker.Fail("livelock", $"{Machine.Name} runs on without any time passing");
                return;
            }
        }

        if (System.NextDueNs is { } dueNs && dueNs < armedNs)
        {
            armedNs = dueNs;
            scheduler.Post(Math.Max(0, dueNs - NowNs), this, this, TimerTick.Instance);
        }
    }

    public void PutOff(IEventHandler handler, object message) => putOff.Add((handler, message));

    public void Pause() => IsPaused = true;

    /// <summary>Everything that came meanwhile happens now, in its order.</summary>
    public void Resume()
    {
        IsPaused = false;
        for (int index = 0; index < putOff.Count; index++)
            scheduler.Post(index, this, putOff[index].Handler, putOff[index].Message);
        putOff.Clear();
    }

    public void Die()
    {
        checker.OnLifeEnds(this);
        IsDead = true;
        putOff.Clear();
    }

    /// <summary>How long something takes that takes so long on an average machine.</summary>
    public long Slowed(long ns) => ns / 100 * SlownessPercent;

    private sealed class RunTick
    {
        public static readonly RunTick Instance = new();
    }

    private sealed class TimerTick
    {
        public static readonly TimerTick Instance = new();
    }
}
