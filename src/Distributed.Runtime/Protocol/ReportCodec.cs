using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Runtime.Protocol;

/// <summary>A worker's reports, as records and as frames of its control stream.</summary>
internal static class ReportCodec
{
    public static WorkerFrame ToFrame(JobReport report) => report switch
    {
        Cluster.Jobs.JobPrepared prepared => new()
        {
            Prepared = new()
            {
                Job = prepared.Job,
                Step = prepared.Step,
                Numerics = prepared.Numerics,
                Device = prepared.Device,
            },
        },
        Cluster.Jobs.StepsCommitted steps => new() { Steps = ToProto(steps) },
        Cluster.Jobs.EpochShare share => new() { Epoch = ToProto(share) },
        Cluster.Jobs.ParametersHashed hashed => new()
        {
            Hashed = new() { Job = hashed.Job, Step = hashed.Step, Sha256 = hashed.Sha256 },
        },
        Cluster.Jobs.CheckpointWritten written => new()
        {
            Checkpoint = new() { Job = written.Job, Step = written.Step, Path = written.Path },
        },
        Cluster.Jobs.WorkFinished finished => new()
        {
            Finished = new()
            {
                Job = finished.Job,
                Step = finished.Step,
                Stopped = finished.Stopped,
                ParametersSha256 = finished.ParametersSha256,
                TrainingSeconds = finished.TrainingSeconds,
            },
        },
        Cluster.Jobs.WorkFailed failed => new()
        {
            Failed = new()
            {
                Job = failed.Job,
                Step = failed.Step,
                ExitCode = failed.ExitCode,
                PeerRank = failed.PeerRank,
                Message = failed.Message,
            },
        },
        _ => throw new InvariantException($"no frame carries {report.GetType().Name}"),
    };

    /// <summary>The report in a frame; null where it holds none that this version knows.</summary>
    public static JobReport? FromFrame(WorkerFrame frame) => frame.FrameCase switch
    {
        WorkerFrame.FrameOneofCase.Prepared => new Cluster.Jobs.JobPrepared(
            frame.Prepared.Job, frame.Prepared.Step, frame.Prepared.Numerics,
            frame.Prepared.Device),
        WorkerFrame.FrameOneofCase.Steps => FromProto(frame.Steps),
        WorkerFrame.FrameOneofCase.Epoch => FromProto(frame.Epoch),
        WorkerFrame.FrameOneofCase.Hashed => new Cluster.Jobs.ParametersHashed(
            frame.Hashed.Job, frame.Hashed.Step, frame.Hashed.Sha256),
        WorkerFrame.FrameOneofCase.Checkpoint => new Cluster.Jobs.CheckpointWritten(
            frame.Checkpoint.Job, frame.Checkpoint.Step, frame.Checkpoint.Path),
        WorkerFrame.FrameOneofCase.Finished => new Cluster.Jobs.WorkFinished(
            frame.Finished.Job, frame.Finished.Step, frame.Finished.Stopped,
            frame.Finished.ParametersSha256, frame.Finished.TrainingSeconds),
        WorkerFrame.FrameOneofCase.Failed => new Cluster.Jobs.WorkFailed(
            frame.Failed.Job, frame.Failed.Step, frame.Failed.ExitCode, frame.Failed.PeerRank,
            frame.Failed.Message),
        _ => null,
    };

    private static StepsCommitted ToProto(Cluster.Jobs.StepsCommitted report)
    {
        var message = new StepsCommitted { Job = report.Job };
        foreach (Cluster.Jobs.StepRecord step in report.Steps)
        {
            message.Steps.Add(new StepRecord
            {
                Step = step.Step,
                Loss = step.Loss,
                Correct = step.Correct,
                Samples = step.Samples,
                LearningRate = step.LearningRate,
                ComputeMs = step.ComputeMs,
                CommunicationMs = step.CommunicationMs,
                WaitMs = step.WaitMs,
                StepMs = step.StepMs,
            });
        }

        return message;
    }

    private static Cluster.Jobs.StepsCommitted FromProto(StepsCommitted message) => new(
        message.Job,
        [
            .. message.Steps.Select(step => new Cluster.Jobs.StepRecord(
                step.Step, step.Loss, step.Correct, step.Samples, step.LearningRate,
                step.ComputeMs, step.CommunicationMs, step.WaitMs, step.StepMs)),
        ]);

    private static EpochShare ToProto(Cluster.Jobs.EpochShare share)
    {
        var message = new EpochShare
        {
            Job = share.Job,
            Epoch = share.Epoch,
            Step = share.Step,
            TrainLoss = share.TrainLoss,
            TrainAccuracy = share.TrainAccuracy,
        };
        message.TestBatches.AddRange(share.TestBatches.Select(batch => new TestBatchResult
        {
            Batch = batch.Batch,
            LossSum = batch.LossSum,
            Correct = batch.Correct,
            Samples = batch.Samples,
        }));
        return message;
    }

    private static Cluster.Jobs.EpochShare FromProto(EpochShare message) => new(
        message.Job, message.Epoch, message.Step, message.TrainLoss, message.TrainAccuracy,
        [
            .. message.TestBatches.Select(batch => new Cluster.Jobs.TestBatchResult(
                batch.Batch, batch.LossSum, batch.Correct, batch.Samples)),
        ]);
}
