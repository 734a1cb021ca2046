using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Workers;

/// <summary>
/// The port to the device: everything slow that a worker does. Each call returns at once and is
/// answered by one message to the actor given in <see cref="Prepare"/>, in the order of the calls;
/// any of them may be answered by <see cref="TrainingFailed"/> instead, and what
/// <see cref="Halt"/> cancels is not answered at all.
/// </summary>
public interface ITrainingPort
{
    /// <summary>Answered with TrainingPrepared.</summary>
    void Prepare(PrepareJob order, IActorRef worker);

    /// <summary>
    /// Connects with the generation's ranks and, if this worker's state is not that of the start,
    /// copies it whole or not at all. Answered with TrainingJoined.
    /// </summary>
    void Join(FormGeneration order);

    /// <summary>Answered with StepDone once the step is committed here.</summary>
    void RunStep(long step, StepVotes votes, bool hashParameters);

    /// <summary>
    /// Evaluates this rank's share of the test set and exchanges it with the others. Answered with
    /// EvaluationDone.
    /// </summary>
    void Evaluate(int epoch);

    /// <summary>
    /// Answered with SnapshotTaken as soon as training may go on, and, if this rank is to write,
    /// with CheckpointDone when the checkpoint is durable. That one, and later ones than
    /// <paramref name="stepKept"/>, do not count yet: the one of that step stays until then.
    /// </summary>
    void SaveCheckpoint(long step, bool write, long stepKept);

    /// <summary>Answered with ParametersReady.</summary>
    void HashParameters();

    /// <summary>
    /// Cancels the collectives in flight at once and leaves the generation. Answered with
    /// TrainingHalted, after which nothing of an older generation is committed or sent; peers that
    /// copy the state of the last committed step are served until the next step is committed.
    /// </summary>
    void Halt(int generation, string reason);

    /// <summary>Cancels what is in flight and frees the job. Not answered.</summary>
    void Release(string reason);
}

/// <summary>What a rank votes for with a step; the votes travel with its gradients.</summary>
public readonly record struct StepVotes(bool Stop, bool Yield, bool Save = false);

/// <summary>An answer of the port; those of another job are stale.</summary>
public abstract record TrainingAnswer(ulong Job);

public sealed record TrainingPrepared(ulong Job, long Step, string Numerics, string Device)
    : TrainingAnswer(Job);

/// <param name="Job">The job.</param>
/// <param name="Generation">The one that was joined.</param>
/// <param name="Step">The last committed step.</param>
/// <param name="Warning">What makes its steps slower than they could be, or empty.</param>
public sealed record TrainingJoined(ulong Job, int Generation, long Step, string Warning = "")
    : TrainingAnswer(Job);

/// <param name="Job">The job.</param>
/// <param name="Record">What happened.</param>
/// <param name="StopVotes">How many ranks voted to stop; the same on every rank.</param>
/// <param name="YieldVotes">How many ranks voted to pause; the same on every rank.</param>
/// <param name="ParametersSha256">Empty unless asked for.</param>
/// <param name="SaveVotes">How many ranks voted to save; the same on every rank.</param>
public sealed record StepDone(
    ulong Job, StepRecord Record, int StopVotes, int YieldVotes, string ParametersSha256,
    int SaveVotes = 0) : TrainingAnswer(Job);

/// <summary>What was decided about how steps are run, with its reason; it is logged.</summary>
public sealed record TrainingDecided(ulong Job, string Text) : TrainingAnswer(Job);

/// <summary>
/// Something to show of the run, which goes to the coordinator where it can. It may come at any
/// time; what belongs to the end of a run comes before ParametersReady.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="Generation">The one in which it was made.</param>
/// <param name="Attachment">What to show.</param>
public sealed record AttachmentReady(ulong Job, int Generation, RunAttachment Attachment)
    : TrainingAnswer(Job);

/// <summary>The whole test set's results, the same on every rank.</summary>
public sealed record EvaluationDone(
    ulong Job, int Epoch, double TrainLoss, double TrainAccuracy,
    IReadOnlyList<TestBatchResult> TestBatches) : TrainingAnswer(Job);

/// <param name="Job">The job.</param>
/// <param name="Step">The step.</param>
/// <param name="ParametersSha256">Taken after the copy, where there is one.</param>
public sealed record SnapshotTaken(ulong Job, long Step, string ParametersSha256)
    : TrainingAnswer(Job);

public sealed record CheckpointDone(ulong Job, long Step, string Path) : TrainingAnswer(Job);

public sealed record ParametersReady(ulong Job, string Sha256) : TrainingAnswer(Job);

/// <param name="Job">The job.</param>
/// <param name="Generation">The one given to Halt.</param>
/// <param name="Step">The last committed step.</param>
public sealed record TrainingHalted(ulong Job, int Generation, long Step) : TrainingAnswer(Job);

public sealed record TrainingFailed(ulong Job, WorkFailure Failure) : TrainingAnswer(Job);
