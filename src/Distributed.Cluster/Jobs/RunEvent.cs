namespace Distributed.Cluster.Jobs;

/// <summary>
/// What a job tells whoever watches it, in the order in which it happened. The command line prints
/// these records, as bars, as lines or as JSON.
/// </summary>
public abstract record RunEvent;

/// <summary>The coordinator took the job on; always the first event.</summary>
public sealed record JobAccepted(ulong Job) : RunEvent;

/// <summary>A worker has joined the job; <paramref name="Rank"/> is -1 for a hot spare.</summary>
public sealed record WorkerUp(
    string Worker, int ProcessId, string Address, int Rank, string Device) : RunEvent;

/// <summary>
/// The job's membership changed: these workers run the steps after <paramref name="Step"/>.
/// </summary>
public sealed record GenerationStarted(
    int Generation, long Step, IReadOnlyList<string> Workers, string Reason) : RunEvent;

/// <summary>
/// A generation that replaced another has committed its first step. What the change took:
/// </summary>
/// <param name="Noticed">When the coordinator learned of the loss, or decided on the
/// change.</param>
/// <param name="RegroupMs">From there until the new generation was announced.</param>
/// <param name="RestoreMs">From there until all its workers held the state and were
/// connected.</param>
/// <param name="StepMs">From there until the first step was committed.</param>
public sealed record GenerationRunning(
    int Generation, long Step, DateTimeOffset Noticed, double RegroupMs, double RestoreMs,
    double StepMs) : RunEvent;

/// <summary>
/// A committed step. Sent for at most a few steps a second; <paramref name="StepsTotal"/> and
/// <paramref name="EpochsTotal"/> let a watcher draw a bar. The loss is the global batch's mean.
/// </summary>
public sealed record StepCommitted(
    long Step, long StepsTotal, int Epoch, int EpochsTotal, double Loss, double ImagesPerSecond)
    : RunEvent;

/// <summary>
/// An epoch's end, with the loss over its training samples and the test set's figures.
/// </summary>
public sealed record EpochCompleted(
    int Epoch, long Step, double TrainLoss, double TrainAccuracy, double TestLoss,
    double TestAccuracy, double Seconds) : RunEvent;

/// <summary>
/// A checkpoint of the state after <paramref name="Step"/> is durable at <paramref name="Path"/>.
/// </summary>
public sealed record CheckpointSaved(long Step, string Path) : RunEvent;

/// <summary>
/// Parameters had diverged: the job goes on after <paramref name="Step"/> once more. Steps and
/// epochs that were told before are told again, and those told last count.
/// </summary>
/// <param name="Step">Of the checkpoint.</param>
/// <param name="EpochsKept">The last epoch that stands.</param>
/// <param name="Returns">How often the job has returned, this time included.</param>
public sealed record RunReturned(long Step, int EpochsKept, int Returns) : RunEvent;

/// <summary>
/// Something worth a line on standard error, such as a corrupt checkpoint that was passed over.
/// </summary>
public sealed record Notice(string Text) : RunEvent;

/// <summary>The run is complete. Test figures are NaN where the run has no test set.</summary>
/// <param name="LastEpoch">The newest on record; null where none was evaluated.</param>
public sealed record RunCompleted(
    long Steps, long Samples, double TestAccuracy, double TestLoss, string ParametersSha256,
    double ImagesPerSecond, int Generations, long StepsRedone, long StepsLost, double Seconds,
    string RunFolder, EpochCompleted? LastEpoch = null) : RunEvent;

/// <summary>
/// The run was interrupted and its state after <paramref name="Step"/> saved; it can be resumed.
/// </summary>
/// <param name="LastEpoch">The newest one on record up to that step; null where none was
/// evaluated.</param>
public sealed record RunInterrupted(
    long Step, string RunFolder, EpochCompleted? LastEpoch = null) : RunEvent;

/// <summary>The run ended in an error.</summary>
/// <param name="ExitCode">The command's.</param>
/// <param name="Message">What, expected, what to do.</param>
/// <param name="Worker">The worker whose own fault it was; empty where no worker's.</param>
/// <param name="IsDiskFull">There was no room on a disk.</param>
public sealed record RunFailed(
    int ExitCode, string Message, string Worker = "", bool IsDiskFull = false) : RunEvent;
