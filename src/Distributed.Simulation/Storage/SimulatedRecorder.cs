using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Storage;

/// <summary>
/// Records a job's metrics from one coordinator process. Entries wait in its memory until a commit,
/// or until it writes some of them out by itself; a crash loses those that wait. Only the recorder
/// of the newest term may write.
/// </summary>
internal class SimulatedRecorder(ProcessLife life, SimulatedWorld world, long term)
    : IRunRecorder, IEventHandler
{
    /// <summary>A recorder that is handed more than this without a commit is not bounded.</summary>
    public const int WaitingMax = 1 << 20;

    private readonly List<LogEntry> waiting = [];
    private readonly Prng random = new(CounterRandom.Key(
        world.Seed, (ulong)life.Number, 0x4EC, (ulong)world.NextNumber()));

    private IActorRef job = null!;
    private JobDescription description = null!;
    private long lastCallNs;
    private bool open;
    private bool isOver;

    public int Number => life.Number;

    protected RunLog Log { get; private set; } = null!;

    public void Begin(JobDescription description, IActorRef job)
    {
        this.description = description;
        this.job = job;
        Log = world.Disk.LogOf(description.RunFolder);
        Later(new Beginning());
    }

    public void Numerics(string numerics)
    {
    }

    public void Steps(IReadOnlyList<StepRecord> steps)
    {
        foreach (StepRecord step in steps)
            Add(new StepEntry(step));
    }

    public void Times(ReportOrigin origin, StepsCommitted report) =>
        Add(new TimesEntry(origin));

    public void Epoch(EpochCompleted epoch) => Add(new EpochEntry(epoch));

    public void Attach(RunAttachment attachment)
    {
        // Nothing hangs on it.
    }

    public virtual void Commit(long mark) => Later(new Committing(mark));

    public void ReturnTo(long step, int returns) => Later(new Returning(step, returns));

    public void End(RunCompleted? summary) => Later(new Finishing());

    public void Abandon() => isOver = true;

    public void Handle(object message)
    {
        if (isOver)
            return;
        if (message is Beginning)
        {
            OnBegin();
            return;
        }

        if (!open || Log.Owner != this)
        {
            isOver = true;
            job.Tell(new RecordingFailed(
                "another coordinator records this run", IsReplaced: true));
            return;
        }

        switch (message)
        {
            case Committing commit:
                Write(waiting.Count);
                Confirm(commit.Mark);
                break;
            case Returning returning:
                Write(waiting.Count);
                CutBack(returning.Step, returning.Returns);
                job.Tell(Contents());
                break;
            case Finishing:
                Write(waiting.Count);
                isOver = true;
                job.Tell(new RecordingEnded());
                break;
        }
    }

    /// <summary>What is on record when a recorder opens the run folder.</summary>
    protected virtual RecordingBegun Contents() => Log.Contents();

    protected virtual void CutBack(long step, int returns) =>
        world.Disk.CutBack(description.RunFolder, step, returns);

    /// <summary>Tells the job that the commit of that mark is durable.</summary>
    protected void Confirm(long mark) => job.Tell(new RecordingDurable(mark));

    private void OnBegin()
    {
        if (term < Log.Term)
        {
            isOver = true;
            job.Tell(new RecordingFailed(
                "a newer coordinator records this run", IsReplaced: true));
            return;
        }

        // The one before may have written a part of what it was handed.
        Log.Owner?.WriteSome();
        Log.Open(this, term);
        open = true;
        job.Tell(Contents());
    }

    private void WriteSome()
    {
        Write(random.NextBetween(0, waiting.Count));
        isOver = true;
    }

    private void Write(int count)
    {
        for (int index = 0; index < count; index++)
        {
            LogEntry entry = waiting[index];
            world.Checker.OnRecorded(description, entry, Log);
            if (Log.Append(entry) is { } mistake)
                world.Checker.Fail("metrics", $"{description.RunFolder}: {mistake}");
        }

        waiting.RemoveRange(0, count);
    }

    private void Add(LogEntry entry)
    {
        if (isOver)
            return;
        if (waiting.Count >= WaitingMax)
            world.Checker.Fail("bounds", "the recorder's queue grows without a commit");
        waiting.Add(entry);
    }

    private void Later(object message)
    {
        long ns = random.NextBetween(world.Conditions.DiskNs / 2, world.Conditions.DiskNs * 2);
        lastCallNs = Math.Max(lastCallNs + 1, world.Scheduler.NowNs + ns);
        world.Scheduler.Post(lastCallNs - world.Scheduler.NowNs, life, this, message);
    }

    private sealed record Beginning;

    private sealed record Committing(long Mark);

    private sealed record Returning(long Step, int Returns);

    private sealed record Finishing;
}
