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

/// <summary>A worker's message to the coordinator about a job.</summary>
public abstract record JobReport(ulong Job);

/// <summary>
/// The worker has loaded everything and can run the step after <paramref name="Step"/>.
/// </summary>
/// <param name="Numerics">Its numerics fingerprint, as canonical text of key=value pairs.</param>
public sealed record JobPrepared(ulong Job, long Step, string Numerics, string Device)
    : JobReport(Job);

/// <summary>Steps committed since the last report.</summary>
public sealed record StepsCommitted(ulong Job, IReadOnlyList<StepRecord> Steps) : JobReport(Job);

/// <summary>This rank's share of an epoch's evaluation.</summary>
public sealed record EpochShare(
    ulong Job, int Epoch, long Step, double TrainLoss, double TrainAccuracy,
    IReadOnlyList<TestBatchResult> TestBatches) : JobReport(Job);

/// <summary>A hash of this rank's parameters after a step.</summary>
public sealed record ParametersHashed(ulong Job, long Step, string Sha256) : JobReport(Job);

/// <summary>A checkpoint is durable.</summary>
public sealed record CheckpointWritten(ulong Job, long Step, string Path) : JobReport(Job);

/// <summary>The worker is through: with all steps, or with an agreed stop.</summary>
public sealed record WorkFinished(
    ulong Job, long Step, bool Stopped, string ParametersSha256, double TrainingSeconds)
    : JobReport(Job);

/// <summary>The worker cannot go on.</summary>
/// <param name="PeerRank">The rank whose connection broke, or -1 where the fault is its
/// own.</param>
public sealed record WorkFailed(ulong Job, long Step, int ExitCode, int PeerRank, string Message)
    : JobReport(Job);
