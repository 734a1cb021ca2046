using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;

namespace Distributed.Cluster.Coordination;

/// <summary>
/// The port to the store that all coordinators of a cluster share. Calls return at once; each is
/// answered by one message to the actor given, in the order of the calls. Any of them may be
/// answered by <see cref="StoreFailed"/>: it is then not known whether it took effect.
/// </summary>
public interface IClusterStore
{
    /// <summary>Answered with LeaseRead.</summary>
    void ReadLease(IActorRef replyTo);

    /// <summary>
    /// Takes the lease if it is still as it was seen, and begins the next term: in one transaction,
    /// so that nothing of the term before is written any more. Answered with LeaseTaken, or with
    /// LeaseRead where it has changed.
    /// </summary>
    void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo);

    /// <summary>
    /// Shows that the holder of that term lives. Answered with LeaseRenewed, or with LeaseRead
    /// where another term has begun.
    /// </summary>
    void RenewLease(long term, IActorRef replyTo);

    /// <summary>Gives the lease back, so that a standby need not wait. Not answered.</summary>
    void ReturnLease(long term);

    /// <summary>
    /// Reads all jobs that have no outcome, and those that ended within the last hour, so that
    /// whoever watched one still learns how; of a sweep that goes on also those that ended
    /// earlier. And all decisions of sweeps that go on, or ended within the last hour, and of the
    /// newest sweep. Answered with JobsLoaded.
    /// </summary>
    void LoadJobs(IActorRef replyTo);

    /// <summary>
    /// Makes a decision durable, if the term is still the current one. Answered with Appended, or
    /// with AppendRefused. Appending the same again has no further effect.
    /// </summary>
    void Append(long term, JobDecision decision, IActorRef replyTo);

    /// <summary>
    /// Makes decisions about one sweep durable, all or none, if the term is still the current one.
    /// Answered with SweepAppended, or with SweepAppendRefused. Appending the same again has no
    /// further effect.
    /// </summary>
    void AppendSweep(long term, IReadOnlyList<SweepDecision> decisions, IActorRef replyTo);
}

/// <summary>A coordinator process.</summary>
/// <param name="Address">host:port that workers and commands dial.</param>
public sealed record CoordinatorIdentity(
    string Name, ulong Incarnation, string Host, int ProcessId, string Address);

/// <summary>The lease as a store holds it.</summary>
/// <param name="Term">0 before the first.</param>
/// <param name="Beat">Changes with every renewal: a watcher sees by it that the holder
/// lives.</param>
/// <param name="Holder">Null where it was given back or never taken.</param>
public sealed record Lease(long Term, long Beat, CoordinatorIdentity? Holder);

/// <param name="Lease">As it is.</param>
/// <param name="HolderIsGone">The store knows that the holder's process has ended: nobody needs to
/// wait for it.</param>
public sealed record LeaseRead(Lease Lease, bool HolderIsGone);

public sealed record LeaseTaken(long Term);

public sealed record LeaseRenewed(long Term);

/// <param name="Sweeps">Each one's decisions in their order, the oldest submission
/// first.</param>
public sealed record JobsLoaded(
    IReadOnlyList<StoredJob> Jobs, IReadOnlyList<IReadOnlyList<SweepDecision>> Sweeps);

/// <summary>The decision is durable.</summary>
public sealed record Appended(JobDecision Decision);

/// <summary>Another coordinator's term has begun.</summary>
public sealed record AppendRefused(JobDecision Decision, Lease Lease);

/// <summary>All decisions of the sweep up to this one are durable.</summary>
public sealed record SweepAppended(ulong Sweep, long Sequence);

/// <summary>Another coordinator's term has begun.</summary>
public sealed record SweepAppendRefused(ulong Sweep, Lease Lease);

/// <param name="Decision">What was to be appended; null for the other calls.</param>
/// <param name="Message">What, expected, what to do.</param>
public sealed record StoreFailed(JobDecision? Decision, string Message);

/// <summary>A decision about a job, which is durable before anyone hears of it.</summary>
public abstract record JobDecision(ulong Job);

public sealed record JobSubmitted(ulong Job, JobDescription Description) : JobDecision(Job);

/// <param name="Job">The job.</param>
/// <param name="Generation">The new membership.</param>
/// <param name="Numerics">The run's fingerprint, fixed by its first generation.</param>
/// <param name="StepsRedone">Steps run again so far, all generations together.</param>
/// <param name="Reason">Why the membership changed.</param>
public sealed record GenerationDecided(
    ulong Job, Generation Generation, string Numerics, long StepsRedone, string Reason)
    : JobDecision(Job);

public sealed record CheckpointRecorded(ulong Job, long Step, string Path) : JobDecision(Job);

/// <summary>
/// Parameters had diverged: all that was computed after that checkpoint is void and is run again.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="Generation">States and reports of this generation and older ones are void, but for
/// the checkpoints on record.</param>
/// <param name="Step">Of the newest checkpoint on record, or the job's first.</param>
/// <param name="Ejected">The incarnations of the workers that disagreed with the others.</param>
/// <param name="Reason">Names them, for people.</param>
/// <param name="StepsRedone">Steps run again so far, with those that are now to be.</param>
public sealed record ReturnedToCheckpoint(
    ulong Job, int Generation, long Step, IReadOnlyList<ulong> Ejected, string Reason,
    long StepsRedone) : JobDecision(Job);

public sealed record StopRequested(ulong Job, string Reason) : JobDecision(Job);

/// <summary>No generation begins from here on, until the job is resumed.</summary>
public sealed record JobPaused(ulong Job, string Reason) : JobDecision(Job);

public sealed record JobResumed(ulong Job) : JobDecision(Job);

/// <summary>The job asks for so many workers now.</summary>
public sealed record JobScaled(ulong Job, int Workers) : JobDecision(Job);

/// <summary>The job has ended with RunCompleted, RunInterrupted or RunFailed.</summary>
public sealed record JobConcluded(ulong Job, RunEvent Outcome) : JobDecision(Job);

/// <summary>All that a store knows of a job.</summary>
/// <param name="Job">The job.</param>
/// <param name="Description">As it was submitted, but for the number of workers where that was
/// changed since.</param>
/// <param name="Generation">The newest one; null before the first.</param>
/// <param name="StopReason">Why a stop was asked for; null where none was.</param>
/// <param name="Outcome">Null while the job goes on.</param>
public sealed record StoredJob(
    ulong Job, JobDescription Description, Generation? Generation, string Numerics,
    long StepsRedone, long CheckpointStep, string CheckpointPath, string? StopReason,
    RunEvent? Outcome)
{
    /// <summary>Why the job is to stand still; null where it is not.</summary>
    public string? PauseReason { get; init; }

    /// <summary>How often the job has returned to a checkpoint.</summary>
    public int Returns { get; init; }

    /// <summary>The newest generation whose reports are void; 0 where none is.</summary>
    public int ReturnedFrom { get; init; }

    /// <summary>Since the job has returned to its checkpoint no generation was decided.</summary>
    public bool IsVoid => Generation is { } newest && newest.Number <= ReturnedFrom;

    /// <summary>A job as it is when it is submitted.</summary>
    public static StoredJob New(ulong job, JobDescription description) => new(
        job, description, null, description.Numerics, description.StepsRedone,
        description.StartStep, description.CheckpointFolder, null, null);

    /// <summary>The job after one more decision.</summary>
    public StoredJob With(JobDecision decision) => decision switch
    {
        GenerationDecided decided => this with
        {
            Generation = decided.Generation,
            Numerics = decided.Numerics,
            StepsRedone = decided.StepsRedone,
        },
        CheckpointRecorded saved when saved.Step > CheckpointStep => this with
        {
            CheckpointStep = saved.Step,
            CheckpointPath = saved.Path,
        },
        ReturnedToCheckpoint returned when returned.Generation > ReturnedFrom => this with
        {
            Returns = Returns + 1,
            ReturnedFrom = returned.Generation,
            StepsRedone = returned.StepsRedone,
        },
        StopRequested stop => this with { StopReason = stop.Reason },
        JobPaused paused => this with { PauseReason = paused.Reason },
        JobResumed => this with { PauseReason = null },
        JobScaled scaled => this with
        {
            Description = Description with { WorkerCount = scaled.Workers },
        },
        JobConcluded concluded => this with { Outcome = concluded.Outcome },
        _ => this,
    };
}
