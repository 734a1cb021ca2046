using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Training;

/// <summary>
/// The device of a simulated worker: integers instead of tensors, drawn times instead of work, and
/// otherwise all that <see cref="ITrainingPort"/> promises. This part prepares, halts and keeps
/// order; the others join, step and save. Tests plant mistakes in what is virtual.
/// </summary>
internal partial class SimulatedTraining(ProcessLife life, SimulatedWorld world, string address)
    : ITrainingPort, IEventHandler
{
    private readonly Prng random =
        new(CounterRandom.Key(world.Seed, (ulong)life.Number, 0x7A));

    private TrainingTimes? times;
    private IActorRef worker = null!;
    private ulong seed;
    private int returns;

    // The newest generation given to Halt or Join.
    private int heard;

    // Counts what Prepare and Release begin and end: answers of an earlier time are not given.
    private int employment;

    // What is under way counts only while this is as it was.
    private long operation;
    private long lastAnswerNs;
    private long computeEndsNs;
    private Call call;

    private enum Call
    {
        None,
        Join,
        Step,
        Evaluate,
    }

    public int Number => life.Number;

    public ProcessLife Life => life;

    /// <summary>0 where there is none.</summary>
    public ulong Job { get; private set; }

    public ModelState State { get; protected set; } = ModelState.Initial(0);

    protected JobDescription Description { get; private set; } = null!;

    protected Membership? Place { get; private set; }

    protected SimulatedWorld World => world;

    protected ulong RunSeed => seed;

    private TrainingTimes Times => times ??= new TrainingTimes(life, world.Conditions, random);

    public void Prepare(PrepareJob order, IActorRef worker)
    {
        Leave("another job came");
        this.worker = worker;
        employment++;
        Job = order.Job;
        Description = order.Description;
        returns = order.Returns;
        world.Checker.OnPrepares(life, Job);
        heard = 0;
        RefuseOlder();
        seed = ulong.Parse(Description.Specification, CultureInfo.InvariantCulture);
        AnswerLater(Times.PrepareNs(), new PrepareEnds(order));
    }

    public void Halt(int generation, string reason)
    {
        world.Checker.Expect(
            generation >= heard, "contract",
            $"{life.Machine.Name} is halted for generation {generation} after {heard}");
        bool wasComputing = call == Call.Step && computeEndsNs > world.Scheduler.NowNs;
        if (commitIsDue && random.NextPercent(50))
            Commit();
        Cancel();
        heard = Math.Max(heard, generation);
        RefuseOlder();
        long delayNs = wasComputing && random.NextPercent(world.Conditions.HaltWaitsPercent)
            ? computeEndsNs - world.Scheduler.NowNs
            : 1;
        AnswerLater(delayNs, new HaltEnds(generation));
    }

    public void Release(string reason)
    {
        Leave(reason);
        employment++;
        Job = 0;
        RefuseOlder();
    }

    /// <summary>The device breaks down, if it does anything.</summary>
    public void FailDevice()
    {
        if (call != Call.None)
            Fail(new WorkFailure(
                Blame.Worker, ExitCodes.OperatingError, -1, "the simulated device failed"));
    }

    /// <summary>
    /// Whether a change of its parameters would be one that the job has to find: ranks of a
    /// generation that others have gone on from are not compared any more.
    /// </summary>
    /// <param name="mayBeSecond">Though another worker of the run is corrupted already.</param>
    public bool CanBeCorrupted(bool mayBeSecond) =>
        Place is { IsJoined: true, RankCount: >= 3 }
        && world.Store.Find(Job) is { Outcome: null, IsVoid: false } job
        && Place.Number == job.Generation?.Number
        && (mayBeSecond || !world.Checker.ProgressOf(seed).IsTainted);

    /// <summary>A bit of the parameters changes.</summary>
    public void Corrupt(Prng draw)
    {
        long[] values = [.. State.Values];
        values[draw.NextBetween(0, ModelState.ParameterCount - 1)] ^=
            1L << draw.NextBetween(0, 62);
        State = ModelState.Of(State.Step, values, isVoid: true);
        world.Checker.OnCorrupted(this, seed);
    }

    public void Handle(object message)
    {
        switch (message)
        {
            case Ending ending when ending.Employment != employment:
                break;
            case PrepareEnds ends:
                OnPrepared(ends.Order);
                break;
            case HaltEnds ends:
                world.Checker.OnPromised(life, Job, ends.Generation);
                Tell(new TrainingHalted(Job, ends.Generation, State.Step));
                break;
            case HashEnds:
                Tell(new ParametersReady(Job, HashOfParameters()));
                break;
            case SnapshotEnds ends:
                OnSnapshot(ends);
                break;
            case SaveEnds ends:
                OnSaved(ends);
                break;
            case ServeEnds ends:
                OnServed(ends);
                break;
            case Contribution late:
                // It lay in a buffer while its generation ended.
                OnFrame(late);
                break;
            case PeerMissing missing when missing.Operation == operation:
                Fail(missing.Failure);
                break;
            case ComputeEnds ends when ends.Operation == operation:
                OnComputed(ends.Step);
                break;
            case CommitDue due when due.Operation == operation:
                Commit();
                break;
            case EvaluateEnds ends when ends.Operation == operation:
                OnEvaluated(ends.Epoch);
                break;
        }
    }

    /// <summary>What it holds after it has loaded that.</summary>
    protected virtual ModelState Restored(ModelState loaded) => loaded;

    /// <summary>What a halt does to the work in flight.</summary>
    protected virtual void Cancel() => Leave("halted");

    protected void Leave(string reason)
    {
        operation++;
        call = Call.None;
        commitIsDue = false;
        if (Place is null)
            return;
        Membership left = Place;
        Place = null;
        left.Copy?.Close(this, reason);
        if (left.PickReceived(State.Step + 1, random) is { } late)
            world.Scheduler.Post(random.NextBetween(0, 3 * Span.Second), life, this, late);
        foreach (DataConnection? connection in left.Connections)
            connection?.Close(this, reason);
    }

    private void OnPrepared(PrepareJob order)
    {
        if (order.CheckpointFolder.Length == 0)
        {
            State = Restored(ModelState.Initial(seed));
        }
        else if ((world.Disk.ReadCheckpoint(order.CheckpointFolder)
            ?? world.Disk.OldestAfter(order.Description.RunFolder, order.Step)) is { } loaded)
        {
            world.Checker.OnLoaded(seed, order, loaded);
            State = Restored(loaded);
        }
        else
        {
            Tell(new TrainingFailed(Job, new WorkFailure(
                Blame.Job, ExitCodes.OperatingError, -1,
                $"there is no checkpoint at {order.CheckpointFolder}")));
            return;
        }

        Tell(new TrainingPrepared(Job, State.Step, "simulated=1", "integers"));
    }

    /// <summary>Answers what is in flight with a failure and leaves the generation.</summary>
    private void Fail(WorkFailure failure)
    {
        Leave(failure.Message);
        Tell(new TrainingFailed(Job, failure));
    }

    private void FailByPeer(int rank, string message) => Fail(new WorkFailure(
        Blame.Peer, ExitCodes.OperatingError, rank, message));

    private void Tell(TrainingAnswer answer) => worker.Tell(answer);

    /// <summary>In the order of the calls.</summary>
    private void AnswerLater(long delayNs, Ending ending)
    {
        ending.Employment = employment;
        lastAnswerNs = Math.Max(lastAnswerNs + 1, world.Scheduler.NowNs + delayNs);
        world.Scheduler.Post(lastAnswerNs - world.Scheduler.NowNs, life, this, ending);
    }

    /// <summary>The end of something that the job's release alone cancels.</summary>
    private abstract class Ending
    {
        public int Employment { get; set; }
    }

    private sealed class PrepareEnds(PrepareJob order) : Ending
    {
        public PrepareJob Order => order;
    }

    private sealed class HaltEnds(int generation) : Ending
    {
        public int Generation => generation;
    }

    private sealed class HashEnds : Ending;

    private sealed record PeerMissing(long Operation, WorkFailure Failure);

    private sealed record ComputeEnds(long Operation, long Step);

    private sealed record CommitDue(long Operation);

    private sealed record EvaluateEnds(long Operation, int Epoch);
}
