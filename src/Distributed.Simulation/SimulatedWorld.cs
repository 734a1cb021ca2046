using System.Globalization;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Simulation.Checks;
using Distributed.Simulation.Faults;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Time;
using Distributed.Simulation.Training;
using Distributed.Simulation.Workload;

namespace Distributed.Simulation;

/// <summary>Everything in one history: the machines, what runs on them and what is between
/// them.</summary>
internal sealed class SimulatedWorld
{
    private readonly SimulationHooks hooks;
    private readonly FaultClasses without;
    private readonly Prng random;
    private readonly List<SimulatedMachine> coordinators = [];
    private readonly List<SimulatedMachine> workers = [];
    private readonly List<Watcher> watchers = [];
    private readonly HashSet<ulong> livingCoordinators = [];
    private readonly string[] seeds;
    private int machineCount;
    private int lifeCount;
    private int numberCount;
    private ulong runCount;

    public SimulatedWorld(
        SimulationOptions options, SimulationHooks hooks, Scheduler scheduler, Checker checker)
    {
        this.hooks = hooks;
        without = options.Without;
        Seed = options.Seed;
        Scheduler = scheduler;
        Checker = checker;
        checker.World = this;
        EndNs = Span.OfSeconds(options.Hours * 3600);
        random = new Prng(CounterRandom.Key(Seed, 2));
        Conditions = new Conditions(Seed, options.Nodes, EndNs, without);
        Network = new SimulatedNetwork(scheduler, checker, Conditions, hooks.Network, Seed);
        Dialling = new Dialling(Network, coordinators);
        DataPlane = new DataPlane(Network);
        Store = hooks.CreateStore(this);
        Store.IsGone = holder => !livingCoordinators.Contains(holder.Incarnation);
        Faults = new FaultInjector(this);
        for (int index = 0; index < Conditions.CoordinatorCount; index++)
            coordinators.Add(NewMachine("c" + index, MachineRole.Coordinator));
        for (int index = 0; index < options.Nodes; index++)
            workers.Add(NewMachine("w" + index, MachineRole.Worker));
        seeds = [.. coordinators.Select(machine => machine.Address)];
    }

    public ulong Seed { get; }

    public Scheduler Scheduler { get; }

    public Checker Checker { get; }

    public Conditions Conditions { get; }

    public SimulatedNetwork Network { get; }

    public Dialling Dialling { get; }

    public DataPlane DataPlane { get; }

    public SimulatedDisk Disk { get; } = new();

    public StoreServer Store { get; }

    public FaultInjector Faults { get; }

    public IReadOnlyList<SimulatedMachine> Coordinators => coordinators;

    public IReadOnlyList<SimulatedMachine> Workers => workers;

    public IReadOnlyList<Watcher> Watchers => watchers;

    /// <summary>Null where nobody runs sweeps.</summary>
    public SweepWatcher? SweepWatcher { get; private set; }

    /// <summary>What the trials' folders hold.</summary>
    public TrialRuns Trials { get; } = new();

    public int MachineCount => machineCount;

    /// <summary>When the history ends.</summary>
    public long EndNs { get; }

    public bool Has(FaultClasses fault) => !without.HasFlag(fault);

    public void Start()
    {
        foreach (SimulatedMachine coordinator in coordinators)
            StartProcess(coordinator);
        foreach (SimulatedMachine worker in workers)
            StartProcess(worker);
        int forJobs = workers.Count
            - (Conditions.HasSweeps ? Conditions.SweepWorkersPerTrial : 0);
        for (int index = 0; index < Conditions.JobsAtOnce; index++)
        {
            SimulatedMachine machine = NewMachine("command" + index, MachineRole.Watcher);
            ProcessLife life = NewLife(machine);
            var watcher = new Watcher(
                life, this, Math.Max(1, forJobs / Conditions.JobsAtOnce));
            watchers.Add(watcher);
            watcher.Start();
        }

        if (Conditions.HasSweeps)
        {
            SweepWatcher = new SweepWatcher(
                NewLife(NewMachine("sweeps", MachineRole.Watcher)), this);
            SweepWatcher.Start();
        }

        Faults.Start();
        new Liveness(this).Start();
    }

    public void End()
    {
        foreach (SimulatedMachine machine in coordinators.Concat(workers))
        {
            if (machine.Life is { } life)
                Checker.OnLifeEnds(life);
        }

        Checker.OnEnd();
    }

    public int NextNumber() => ++numberCount;

    /// <summary>The seed of a run that nobody has had yet.</summary>
    public ulong NewRun() => CounterRandom.Key(Seed, 3, ++runCount) >> 1;

    public void Register(ulong runSeed, JobDescription description) =>
        Register(new ReferenceRun(runSeed, description));

    public void Register(ReferenceRun reference) => Checker.Register(reference);

    public ulong RunSeedOf(JobDescription description) =>
        ulong.Parse(description.Specification, CultureInfo.InvariantCulture);

    /// <summary>Whether an injected fault is a good reason for a job to fail.</summary>
    public bool MayFail(RunFailed failed) =>
        Has(FaultClasses.Devices)
        && failed.Message.Contains("the simulated device failed", StringComparison.Ordinal);

    public void StartProcess(SimulatedMachine machine)
    {
        ProcessLife life = NewLife(machine);
        Checker.Note($"{machine.Name}/{life.Number} starts");
        if (machine.Role == MachineRole.Coordinator)
            StartCoordinator(life);
        else
            StartWorker(life);
    }

    /// <summary>Everything that the process held in memory is gone.</summary>
    /// <param name="machine">Where it runs.</param>
    /// <param name="silently">Its machine goes with it, so that nobody is told.</param>
    public void Crash(SimulatedMachine machine, bool silently)
    {
        if (machine.Life is not { } life)
            return;
        Checker.Note($"{machine.Name}/{life.Number} dies{(silently ? " silently" : "")}");
        machine.Life = null;
        life.Die();
        if (life.Port is { } port)
            DataPlane.Unregister(port.Address);
        livingCoordinators.Remove(life.Incarnation);
        Network.OnDeath(life, silently);
    }

    private void StartCoordinator(ProcessLife life)
    {
        SimulatedMachine machine = life.Machine;
        var identity = new CoordinatorIdentity(
            machine.Name, life.Incarnation, machine.Name, life.Number, machine.Address);
        livingCoordinators.Add(life.Incarnation);
        var store = new SimulatedStore(life, this, Store);
        life.Store = store;
        life.Main = life.System.Spawn("coordinator", () => new CoordinatorActor(
            identity, store, () => hooks.CreateRecorder(life, this, store.Term),
            hooks.CreateTrials(life, this), Conditions.Coordinator));
    }

    private void StartWorker(ProcessLife life)
    {
        SimulatedMachine machine = life.Machine;
        string address = $"{machine.Name}:{life.Number}";
        SimulatedTraining port = hooks.CreateTraining(life, this, address);
        life.Port = port;
        DataPlane.Register(address, port);
        var identity = new WorkerIdentity(
            machine.Name, life.Incarnation, "host" + machine.Number / 4, life.Number, address,
            []);
        var dialer = new ControlDialer(life, Network, Dialling);
        var host = new WorkerHost(this, life);
        life.Main = life.System.Spawn("worker", () => new WorkerActor(
            identity, seeds, dialer, port, Conditions.Worker, host));
    }

    private SimulatedMachine NewMachine(string name, MachineRole role)
    {
        long skewNs = Conditions.SkewNsMax == 0
            ? 0
            : random.NextBetween(-Conditions.SkewNsMax, Conditions.SkewNsMax);
        return new SimulatedMachine(machineCount++, name, role, skewNs);
    }

    private ProcessLife NewLife(SimulatedMachine machine)
    {
        var life = new ProcessLife(
            machine, ++lifeCount, Scheduler, Checker, Conditions, CounterRandom.Key(Seed, 4));
        machine.Life = life;
        return life;
    }
}

/// <summary>The host of a worker: ends the process when its actor has left the cluster.</summary>
internal sealed class WorkerHost(SimulatedWorld world, ProcessLife life) : IActorRef
{
    public string Path => "/host";

    public void Tell(object message, IActorRef? sender = null)
    {
        if (message is WorkerLeft)
            world.Faults.OnLeft(life);
    }
}
