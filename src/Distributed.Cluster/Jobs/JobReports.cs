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
/// <param name="Job">The job.</param>
/// <param name="Generation">The one in which it came about: all that a generation reported is void
/// once the job has returned to a checkpoint from it.</param>
public abstract record JobReport(ulong Job, int Generation);

/// <summary>Steps committed since the last report, in order.</summary>
/// <param name="LongestGapMs">The longest time from the commit of one step to the commit of the
/// next; an evaluation, a checkpoint and a change of the membership do not count.</param>
public sealed record StepsCommitted(
    ulong Job, int Generation, int Rank, IReadOnlyList<StepRecord> Steps, double LongestGapMs)
    : JobReport(Job, Generation);

/// <summary>An epoch's evaluation: all its test batches, whoever computed them.</summary>
public sealed record EpochEvaluated(
    ulong Job, int Generation, int Epoch, long Step, double TrainLoss, double TrainAccuracy,
    IReadOnlyList<TestBatchResult> TestBatches) : JobReport(Job, Generation);

/// <summary>A hash of this rank's parameters after a step.</summary>
/// <param name="Job">The job.</param>
/// <param name="Generation">In which this rank has a say.</param>
/// <param name="Step">The step.</param>
/// <param name="IsSaved">Taken when rank 0 had copied its state for a checkpoint: after whatever
/// else there was to do with the state of that step.</param>
/// <param name="Sha256">The hash.</param>
public sealed record ParametersHashed(
    ulong Job, int Generation, long Step, bool IsSaved, string Sha256)
    : JobReport(Job, Generation);

/// <summary>
/// A checkpoint is durable. It counts once the ranks agree about the parameters of its step.
/// </summary>
public sealed record CheckpointWritten(ulong Job, int Generation, long Step, string Path)
    : JobReport(Job, Generation);
