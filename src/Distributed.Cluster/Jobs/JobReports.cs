namespace Distributed.Cluster.Jobs;

/// <summary>One committed step as its rank saw it.</summary>
/// <param name="Loss">The global batch's mean, the same on every rank.</param>
/// <param name="Correct">Samples of the global batch that were classified correctly.</param>
/// <param name="ComputeMs">From the step's start to backward's end.</param>
/// <param name="CommunicationMs">How long collectives ran, overlapped with compute or not.</param>
/// <param name="WaitMs">How long the step stood still for them.</param>
/// <param name="StepMs">The whole step.</param>
public readonly record struct StepRecord(
    long Step, double Loss, int Correct, int Samples, double LearningRate, double ComputeMs,
    double CommunicationMs, double WaitMs, double StepMs);

/// <summary>The result of one fixed batch of the test set.</summary>
public readonly record struct TestBatchResult(int Batch, double LossSum, int Correct, int Samples);

/// <summary>
/// What a worker has to tell about a job and keeps until the coordinator has it on record: a
/// successor is told again. Every rank tells all of it, since all ranks know the same.
/// </summary>
public abstract record JobReport(ulong Job);

/// <summary>Steps committed since the last report, in order.</summary>
public sealed record StepsCommitted(ulong Job, int Rank, IReadOnlyList<StepRecord> Steps)
    : JobReport(Job);

/// <summary>An epoch's evaluation: all its test batches, whoever computed them.</summary>
public sealed record EpochEvaluated(
    ulong Job, int Epoch, long Step, double TrainLoss, double TrainAccuracy,
    IReadOnlyList<TestBatchResult> TestBatches) : JobReport(Job);

/// <summary>A hash of this rank's parameters after a step.</summary>
public sealed record ParametersHashed(ulong Job, long Step, string Sha256) : JobReport(Job);

/// <summary>A checkpoint is durable.</summary>
public sealed record CheckpointWritten(ulong Job, long Step, string Path) : JobReport(Job);
