using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Time;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Faults;

/// <summary>
/// Lets things go wrong. Each seed draws which kinds of faults it has and how often; towards the
/// end everything is mended and stays so, to see whether the cluster goes on.
/// </summary>
internal sealed class FaultInjector(SimulatedWorld world) : IEventHandler
{
    /// <summary>The quiet end is this long, where the history is long enough.</summary>
    private const long QuietNs = 170 * Span.Second;

    private static readonly FaultClasses[] Kinds =
    [
        FaultClasses.Crashes, FaultClasses.Coordinators, FaultClasses.Pauses,
        FaultClasses.Slowness, FaultClasses.Partitions, FaultClasses.Delays,
        FaultClasses.Resets, FaultClasses.Links, FaultClasses.Store, FaultClasses.Leaves,
        FaultClasses.Devices, FaultClasses.Corrupt,
    ];

    private readonly Prng random = new(CounterRandom.Key(world.Seed, 5));
    private readonly List<Ongoing> ongoing = [];

    public int Number => -4;

    public long Count { get; private set; }

    /// <summary>When a fault last began or ended.</summary>
    public long LastNs { get; private set; }

    public int ActiveCount => ongoing.Count;

    public bool AreOver { get; private set; }

    public void Start()
    {
        long quietNs = Math.Min(QuietNs, world.EndNs / 2);
        world.Scheduler.Post(world.EndNs - quietNs, null, this, new HealAll());
        foreach (FaultClasses kind in Kinds)
        {
            // Drawn in any case, so that leaving one kind out changes nothing about the others.
            bool isDrawn = random.NextPercent(60);
            long meanNs = random.NextScaled(15 * Span.Second, 600 * Span.Second);
            long stableNs = random.NextScaled(Span.Second, 60 * Span.Second);
            if (!isDrawn || !world.Has(kind))
                continue;
            var recurrence = new Recurrence(kind, meanNs, stableNs, new Prng(
                CounterRandom.Key(world.Seed, 6, (ulong)kind)));
            PostNext(recurrence);
        }
    }

    public void Handle(object message)
    {
        switch (message)
        {
            case Recurrence recurrence when !AreOver:
                Inject(recurrence.Kind, recurrence.Random);
                PostNext(recurrence);
                break;
            case Ongoing { IsOver: false } ends:
                Finish(ends);
                break;
            case HealAll:
                AreOver = true;
                world.Checker.Note("everything is mended");
                while (ongoing.Count > 0)
                    Finish(ongoing[0]);
                LastNs = world.Scheduler.NowNs;
                break;
        }
    }

    /// <summary>A worker that was told to leave has left.</summary>
    public void OnLeft(ProcessLife life)
    {
        world.Scheduler.Post(0, null, this, new Ongoing(() => world.Crash(life.Machine, false)));
        if (!world.Conditions.HasOrders)
            return;
        // Who ordered it away starts it again, at the end at the latest.
        long awayNs = AreOver ? Span.Second : 30 * Span.Second;
        world.Scheduler.Post(awayNs, null, this, new Ongoing(() =>
        {
            if (life.Machine.Life is null)
                world.StartProcess(life.Machine);
        }));
    }

    /// <summary>
    /// Somebody reads why a worker was ejected, sees to its machine and starts it again.
    /// </summary>
    public void OnEjected(ulong incarnation)
    {
        SimulatedMachine? machine = world.Workers.FirstOrDefault(
            worker => worker.Life?.Incarnation == incarnation);
        if (machine?.Life is not { } life)
            return;
        During(random.NextBetween(20, 60) * Span.Second, () =>
        {
            if (machine.Life != life)
                return;
            world.Crash(machine, silently: false);
            world.StartProcess(machine);
        });
    }

    private void PostNext(Recurrence recurrence)
    {
        long waitNs = recurrence.StableNs
            + recurrence.Random.NextBetween(0, 2 * recurrence.MeanNs);
        world.Scheduler.Post(waitNs, null, this, recurrence);
    }

    private void Inject(FaultClasses kind, Prng draw)
    {
        Count++;
        LastNs = world.Scheduler.NowNs;
        world.Checker.Note($"fault: {kind}");
        switch (kind)
        {
            case FaultClasses.Crashes:
                CrashWorkers(draw);
                break;
            case FaultClasses.Coordinators:
                Crash(PickCoordinator(draw), draw);
                break;
            case FaultClasses.Pauses:
                Pause(
                    draw.NextPercent(40) ? PickCoordinator(draw) : Pick(world.Workers, draw),
                    draw);
                break;
            case FaultClasses.Slowness:
                Slow(Pick(world.Workers, draw), draw);
                break;
            case FaultClasses.Partitions:
                Part(draw, slownessFactor: 0);
                break;
            case FaultClasses.Delays:
                Part(draw, draw.NextBetween(5, 200));
                break;
            case FaultClasses.Resets:
                Reset(isControl: true, draw);
                break;
            case FaultClasses.Links:
                Reset(isControl: false, draw);
                break;
            case FaultClasses.Store:
                DisturbStore(draw);
                break;
            case FaultClasses.Leaves:
                Leave(Pick(world.Workers, draw), draw);
                break;
            case FaultClasses.Devices:
                Pick(world.Workers, draw).Life?.Port?.FailDevice();
                break;
            case FaultClasses.Corrupt:
                Corrupt(draw);
                break;
        }
    }

    private void CrashWorkers(Prng draw)
    {
        // Mostly one; sometimes a rack, sometimes all.
        int count = draw.NextPercent(80) ? 1 : draw.NextBetween(1, world.Workers.Count);
        for (int index = 0; index < count; index++)
            Crash(Pick(world.Workers, draw), draw);
    }

    private void Crash(SimulatedMachine machine, Prng draw)
    {
        if (machine.Life is null)
            return;
        world.Crash(machine, draw.NextPercent(world.Conditions.MachineLossPercent));
        During(draw.NextScaled(Span.Second / 5, 60 * Span.Second), () =>
        {
            if (machine.Life is null)
                world.StartProcess(machine);
        });
    }

    private void Pause(SimulatedMachine machine, Prng draw)
    {
        if (machine.Life is not { IsPaused: false } life)
            return;
        world.Checker.Note($"{machine.Name} is paused");
        life.Pause();
        During(draw.NextScaled(Span.Second / 5, 40 * Span.Second), () =>
        {
            world.Checker.Note($"{machine.Name} goes on");
            if (!life.IsDead)
                life.Resume();
        });
    }

    private void Slow(SimulatedMachine machine, Prng draw)
    {
        if (machine.Life is not { SlownessPercent: 100 } life)
            return;
        life.SlownessPercent = draw.NextBetween(130, 800);
        During(
            draw.NextScaled(5 * Span.Second, 90 * Span.Second), () => life.SlownessPercent = 100);
    }

    private void Part(Prng draw, int slownessFactor)
    {
        var inside = new bool[world.MachineCount];
        if (draw.NextPercent(60))
        {
            inside[draw.NextBetween(0, inside.Length - 1)] = true;
        }
        else
        {
            int percent = draw.NextBetween(5, 60);
            for (int machine = 0; machine < inside.Length; machine++)
                inside[machine] = draw.NextPercent(percent);
        }

        int ways = draw.NextBetween(0, 3);
        var partition = new Partition(inside, ways != 1, ways != 2, slownessFactor);
        world.Network.Begin(partition);
        world.Checker.Note($"partition {partition}");
        During(
            draw.NextScaled(Span.Second / 2, 60 * Span.Second),
            () => world.Network.Heal(partition));
    }

    private void Reset(bool isControl, Prng draw)
    {
        IReadOnlyList<Connection> connections = world.Network.Connections;
        if (connections.Count == 0)
            return;
        int start = draw.NextBetween(0, connections.Count - 1);
        for (int index = 0; index < connections.Count; index++)
        {
            Connection picked = connections[(start + index) % connections.Count];
            if (picked.IsControl != isControl || picked.IsBroken)
                continue;
            picked.Break(draw.NextScaled(Span.Millisecond, 5 * Span.Second), "reset");
            return;
        }
    }

    private void DisturbStore(Prng draw)
    {
        int kind = draw.NextBetween(0, 2);
        if (kind == 0)
        {
            SimulatedStore? way = PickCoordinator(draw).Life?.Store;
            if (way is null)
                return;
            long ns = draw.NextScaled(Span.Second, 30 * Span.Second);
            way.StallEndsNs = world.Scheduler.NowNs + ns;
            During(ns, () => way.StallEndsNs = 0);
        }
        else if (kind == 1)
        {
            long ns = draw.NextScaled(Span.Second / 10, 15 * Span.Second);
            world.Store.OutageEndsNs = world.Scheduler.NowNs + ns;
            During(ns, () => world.Store.OutageEndsNs = 0);
        }
        else
        {
            world.Store.FailPercent = draw.NextBetween(3, 50);
            During(
                draw.NextScaled(Span.Second, 60 * Span.Second),
                () => world.Store.FailPercent = 0);
        }
    }

    private void Leave(SimulatedMachine machine, Prng draw)
    {
        if (machine.Life is not { } life)
            return;
        life.Main.Tell(new LeaveCluster("told to leave"));
        During(draw.NextBetween(20, 60) * Span.Second, () =>
        {
            if (machine.Life == life)
                world.Crash(machine, silently: false);
            if (machine.Life is null)
                world.StartProcess(machine);
        });
    }

    /// <summary>Of a job with three ranks or more, so that a majority can be right.</summary>
    private void Corrupt(Prng draw)
    {
        bool mayBeSecond = draw.NextPercent(10);
        SimulatedTraining[] ports =
        [
            .. world.Workers.Select(machine => machine.Life?.Port).OfType<SimulatedTraining>()
                .Where(port => port.CanBeCorrupted(mayBeSecond)),
        ];
        if (ports.Length > 0)
            ports[draw.NextBetween(0, ports.Length - 1)].Corrupt(draw);
    }

    private SimulatedMachine PickCoordinator(Prng draw)
    {
        if (draw.NextPercent(70) && world.Store.Lease.Holder is { } holder)
        {
            foreach (SimulatedMachine coordinator in world.Coordinators)
            {
                if (coordinator.Name == holder.Name)
                    return coordinator;
            }
        }

        return Pick(world.Coordinators, draw);
    }

    private static SimulatedMachine Pick(IReadOnlyList<SimulatedMachine> machines, Prng draw) =>
        machines[draw.NextBetween(0, machines.Count - 1)];

    private void During(long ns, Action end)
    {
        var fault = new Ongoing(end);
        ongoing.Add(fault);
        world.Scheduler.Post(ns, null, this, fault);
    }

    private void Finish(Ongoing fault)
    {
        fault.IsOver = true;
        ongoing.Remove(fault);
        LastNs = world.Scheduler.NowNs;
        fault.End();
    }

    private sealed record Recurrence(
        FaultClasses Kind, long MeanNs, long StableNs, Prng Random);

    private sealed class HealAll;

    private sealed class Ongoing(Action end)
    {
        public bool IsOver { get; set; }

        public void End() => end();
    }
}
