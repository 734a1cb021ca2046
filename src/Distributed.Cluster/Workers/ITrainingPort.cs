using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Workers;

/// <summary>
/// The port to the device: everything slow that a worker does. Each call returns at once and is
/// answered by one message to the actor given in <see cref="Prepare"/>, in the order of the calls;
/// any of them may be answered by <see cref="TrainingFailed"/> instead.
/// </summary>
public interface ITrainingPort
{
    /// <summary>Answered with TrainingPrepared.</summary>
    void Prepare(PrepareJob order, IActorRef worker);

    /// <summary>Answered with StepDone.</summary>
    void RunStep(long step, bool voteToStop, bool hashParameters);

    /// <summary>
    /// Evaluates this rank's share of the test set. Answered with EvaluationDone.
    /// </summary>
    void Evaluate(int epoch);

    /// <summary>
    /// Answered with SnapshotTaken as soon as training may go on, and with CheckpointDone when the
    /// checkpoint is durable. On every rank but 0 only the snapshot is answered.
    /// </summary>
    void SaveCheckpoint(long step);

    /// <summary>Answered with ParametersReady.</summary>
    void HashParameters();

    /// <summary>Cancels what is in flight and frees the job. Not answered.</summary>
    void Release(string reason);
}

/// <summary>An answer of the port; those of another job are stale.</summary>
public abstract record TrainingAnswer(ulong Job);

public sealed record TrainingPrepared(ulong Job, long Step, string Numerics, string Device)
    : TrainingAnswer(Job);

/// <param name="Job">The job.</param>
/// <param name="Record">What happened.</param>
/// <param name="StopVotes">How many ranks voted to stop; the same on every rank.</param>
/// <param name="ParametersSha256">Empty unless asked for.</param>
public sealed record StepDone(
    ulong Job, StepRecord Record, int StopVotes, string ParametersSha256) : TrainingAnswer(Job);

public sealed record EvaluationDone(
    ulong Job, int Epoch, double TrainLoss, double TrainAccuracy,
    IReadOnlyList<TestBatchResult> TestBatches) : TrainingAnswer(Job);

public sealed record SnapshotTaken(ulong Job, long Step) : TrainingAnswer(Job);

public sealed record CheckpointDone(ulong Job, long Step, string Path) : TrainingAnswer(Job);

public sealed record ParametersReady(ulong Job, string Sha256) : TrainingAnswer(Job);

/// <param name="Job">The job.</param>
/// <param name="ExitCode">What the run's command should exit with.</param>
/// <param name="PeerRank">The rank whose connection broke, or -1.</param>
/// <param name="Message">What, expected, what to do.</param>
public sealed record TrainingFailed(ulong Job, int ExitCode, int PeerRank, string Message)
    : TrainingAnswer(Job);
