using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Time;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Workload;

/// <summary>
/// Makes jobs of trials in one coordinator process, with drawn times and faults. Calls are done in
/// their order. Tests plant mistakes in what is virtual.
/// </summary>
internal class SimulatedTrials(ProcessLife life, SimulatedWorld world) : ITrialPort, IEventHandler
{
    private readonly Prng random = new(CounterRandom.Key(world.Seed, (ulong)life.Number, 0x791A1));
    private long lastCallNs;

    public int Number => life.Number;

    public void Prepare(TrialLeg leg, IActorRef replyTo)
    {
        long ns = random.NextBetween(world.Conditions.DiskNs, 4 * world.Conditions.DiskNs)
            * (random.NextChance(1, 20) ? 50 : 1);
        lastCallNs = Math.Max(lastCallNs + 1, world.Scheduler.NowNs + ns);
        world.Scheduler.Post(
            lastCallNs - world.Scheduler.NowNs, life, this, new Preparing(leg, replyTo));
    }

    public void Conclude(SweepDescription sweep, TrialEnded ended)
    {
    }

    public void Handle(object message)
    {
        var preparing = (Preparing)message;
        TrialLeg leg = preparing.Leg;
        world.Checker.Note($"{life.Machine.Name} prepares {leg.Leg}");
        if (TrialRuns.AreHopeless(leg.Parameters))
            Refuse(LegEnd.Hopeless, "these parameters make no network");
        else if (Fails(FaultClasses.Devices, 4))
            Refuse(LegEnd.Broken, "the simulated folder cannot be written");
        else if (Fails(FaultClasses.Store, 3))
            Refuse(LegEnd.DiskFull, "the simulated disk is full");
        else if (Fails(FaultClasses.Crashes, 3))
            Refuse(LegEnd.NotRun, "the simulated folder is in use");
        else
            preparing.ReplyTo.Tell(Prepared(leg));

        void Refuse(LegEnd end, string why) =>
            preparing.ReplyTo.Tell(new TrialRefused(leg.Leg, end, why));
    }

    /// <summary>Where the state of a trial after a step is.</summary>
    protected virtual string CheckpointOf(string folder, long step) =>
        world.Disk.CheckpointPath(folder, step);

    /// <summary>How far the trial has come that has this folder.</summary>
    protected virtual long NewestStep(string folder) => world.Disk.NewestStep(folder);

    private TrialPrepared Prepared(TrialLeg leg)
    {
        LegStarted started = leg.Leg;
        SimulatedDisk disk = world.Disk;
        string folder = leg.Sweep.FolderOf(started.Trial);
        long recorded = disk.LogOf(folder).LastStep;
        long step = NewestStep(folder);
        disk.CutBack(folder, step, returns: 0);
        if (leg.Sweep.Scheduler is PbtSpec)
            disk.KeepAll(folder);
        string checkpoint = CheckpointOf(folder, step);
        ReferenceRun run = world.Trials.In(folder) ?? RunOf(leg, null, 0);
        long sourceStep = started.SourceEpoch * run.Job.Schedule.StepsPerEpoch;
        if (started.Source >= 0 && step <= sourceStep)
        {
            string source = leg.Sweep.FolderOf(started.Source);
            checkpoint = CheckpointOf(source, sourceStep);
            run = RunOf(leg, world.Trials.At(source, sourceStep), sourceStep);
            step = sourceStep;
        }

        world.Trials.Hold(folder, run);
        world.Register(run);
        JobDescription job = TrialRuns.Job(
            started.Sweep, leg.Sweep, started.Trial, run.Seed, started.UntilEpoch) with
        {
            StartStep = step,
            CheckpointFolder = step == 0 ? "" : checkpoint,
            Numerics = step == 0 ? "" : "simulated=1",
            StepsRedone = Math.Max(0, recorded - step),
        };
        return new TrialPrepared(started, job, 1000 + started.Trial, 5000);
    }

    private static ReferenceRun RunOf(TrialLeg leg, ReferenceRun? beginning, long firstStep)
    {
        LegStarted started = leg.Leg;
        int fromEpoch = beginning is null ? 0 : started.SourceEpoch;
        ulong seed = TrialRuns.SeedOf(
            started.Sweep, started.Trial, leg.Parameters, fromEpoch);
        JobDescription job = TrialRuns.Job(
            started.Sweep, leg.Sweep, started.Trial, seed, started.UntilEpoch);
        return new ReferenceRun(seed, job, beginning, firstStep);
    }

    private bool Fails(FaultClasses kind, int percent) =>
        random.NextPercent(percent) && world.Has(kind) && !world.Faults.AreOver;

    private sealed record Preparing(TrialLeg Leg, IActorRef ReplyTo);
}
