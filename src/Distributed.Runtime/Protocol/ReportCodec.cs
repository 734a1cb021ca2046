using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Google.Protobuf;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// What a worker sends to its coordinator, as records and as frames of its control stream.
/// </summary>
internal static class ReportCodec
{
    public static WorkerFrame ToFrame(WorkerMessage message) => message switch
    {
        Cluster.Coordination.Heartbeat => new() { Heartbeat = new() },
        ReportSent sent => new() { Report = ToProto(sent) },
        WorkReported reported => new() { State = ToProto(reported.State) },
        Cluster.Coordination.WorkForgotten forgotten => new()
        {
            Forgotten = new() { Job = forgotten.Job },
        },
        Cluster.Coordination.LeaveRequest leave => new()
        {
            Leave = new() { Reason = leave.Reason },
        },
        Cluster.Coordination.Benched benched => new()
        {
            Benched = new() { Reason = benched.Reason },
        },
        VitalsReported vitals => new() { Vitals = ToProto(vitals.Vitals) },
        LogReported log => new() { Log = ToProto(log.Line) },
        AttachmentSent attached => new() { Attachment = ToProto(attached) },
        _ => throw new InvariantException($"no frame carries {message.GetType().Name}"),
    };

    /// <summary>The message in a frame; null where it holds none that this version
    /// knows.</summary>
    public static WorkerMessage? FromFrame(WorkerFrame frame) => frame.FrameCase switch
    {
        WorkerFrame.FrameOneofCase.Heartbeat => Cluster.Coordination.Heartbeat.Instance,
        WorkerFrame.FrameOneofCase.Report => ReportIn(frame.Report) is { } report
            ? new ReportSent(frame.Report.Sequence, report)
            : null,
        WorkerFrame.FrameOneofCase.State => StateIn(frame.State) is { } state
            ? new WorkReported(state)
            : null,
        WorkerFrame.FrameOneofCase.Forgotten =>
            new Cluster.Coordination.WorkForgotten(frame.Forgotten.Job),
        WorkerFrame.FrameOneofCase.Leave =>
            new Cluster.Coordination.LeaveRequest(frame.Leave.Reason),
        WorkerFrame.FrameOneofCase.Benched =>
            new Cluster.Coordination.Benched(frame.Benched.Reason),
        WorkerFrame.FrameOneofCase.Vitals => new VitalsReported(FromProto(frame.Vitals)),
        WorkerFrame.FrameOneofCase.Log => LineIn(frame.Log) is { } line
            ? new LogReported(line)
            : null,
        WorkerFrame.FrameOneofCase.Attachment => AttachmentIn(frame.Attachment),
        _ => null,
    };

    private static WorkerVitals ToProto(Cluster.Coordination.WorkerVitals vitals) => new()
    {
        Device = vitals.Device,
        Threads = vitals.Threads,
        MemoryBytes = vitals.MemoryBytes,
        DeviceMemoryUsedBytes = vitals.DeviceMemoryUsedBytes,
        DeviceMemoryTotalBytes = vitals.DeviceMemoryTotalBytes,
        Utilisation = vitals.Utilisation,
    };

    private static Cluster.Coordination.WorkerVitals FromProto(WorkerVitals vitals) => new(
        vitals.Device, vitals.Threads, vitals.MemoryBytes, vitals.DeviceMemoryUsedBytes,
        vitals.DeviceMemoryTotalBytes, vitals.Utilisation);

    private static WorkerLogLine ToProto(Cluster.Coordination.WorkerLogLine line) => new()
    {
        UnixMs = line.UtcUnixMs,
        Level = (WorkerLogLine.Types.Level)((int)line.Level + 1),
        Source = line.Source,
        Text = line.Text,
    };

    /// <summary>Null for a level of another version.</summary>
    private static Cluster.Coordination.WorkerLogLine? LineIn(WorkerLogLine line)
    {
        var level = (ActorLogLevel)((int)line.Level - 1);
        return Enum.IsDefined(level) ? new(line.UnixMs, level, line.Source, line.Text) : null;
    }

    private static Attachment ToProto(AttachmentSent sent) => new()
    {
        Job = sent.Job,
        Generation = sent.Generation,
        Step = sent.Attachment.Step,
        Kind = (Attachment.Types.Kind)((int)sent.Attachment.Kind + 1),
        Name = sent.Attachment.Name,
        Payload = UnsafeByteOperations.UnsafeWrap(sent.Attachment.Payload),
    };

    /// <summary>Null for a kind of another version.</summary>
    private static AttachmentSent? AttachmentIn(Attachment message)
    {
        var kind = (AttachmentKind)((int)message.Kind - 1);
        return Enum.IsDefined(kind)
            ? new AttachmentSent(
                message.Job, message.Generation,
                new RunAttachment(message.Step, kind, message.Name, message.Payload.Memory))
            : null;
    }

    private static WorkState ToProto(Cluster.Jobs.WorkState state) => new()
    {
        Job = state.Job,
        Generation = state.Generation,
        // The message counts from 1: 0 means that nothing was said.
        Phase = (WorkState.Types.Phase)((int)state.Phase + 1),
        Step = state.Step,
        Numerics = state.Numerics,
        Device = state.Device,
        Failure = state.Failure is not { } failure
            ? null
            : new WorkFailure
            {
                Blame = (WorkFailure.Types.Blame)((int)failure.Blame + 1),
                ExitCode = failure.ExitCode,
                PeerRank = failure.PeerRank,
                Message = failure.Message,
                DiskFull = failure.IsDiskFull,
            },
        Result = state.Result is not { } result
            ? null
            : new WorkResult
            {
                Stopped = result.Stopped,
                ParametersSha256 = result.ParametersSha256,
                TrainingSeconds = result.TrainingSeconds,
            },
        Returns = state.Returns,
    };

    /// <summary>Null for a phase or a blame of another version.</summary>
    private static Cluster.Jobs.WorkState? StateIn(WorkState message)
    {
        var phase = (WorkPhase)((int)message.Phase - 1);
        if (!Enum.IsDefined(phase))
            return null;
        Cluster.Jobs.WorkFailure? failure = null;
        if (message.Failure is { } failed)
        {
            var blame = (Blame)((int)failed.Blame - 1);
            if (!Enum.IsDefined(blame))
                return null;
            failure = new(
                blame, failed.ExitCode, failed.PeerRank, failed.Message, failed.DiskFull);
        }

        Cluster.Jobs.WorkResult? result = message.Result is { } finished
            ? new(finished.Stopped, finished.ParametersSha256, finished.TrainingSeconds)
            : null;
        return new(
            message.Job, message.Generation, phase, message.Step, message.Numerics, message.Device,
            failure, result, message.Returns);
    }

    private static Report ToProto(ReportSent sent)
    {
        var message = new Report { Sequence = sent.Sequence };
        switch (sent.Report)
        {
            case Cluster.Jobs.StepsCommitted steps:
                message.Steps = ToProto(steps);
                break;
            case Cluster.Jobs.EpochEvaluated epoch:
                message.Epoch = ToProto(epoch);
                break;
            case Cluster.Jobs.ParametersHashed hashed:
                message.Hashed = new()
                {
                    Job = hashed.Job,
                    Generation = hashed.Generation,
                    IsSaved = hashed.IsSaved,
                    Step = hashed.Step,
                    Sha256 = hashed.Sha256,
                };
                break;
            case Cluster.Jobs.CheckpointWritten written:
                message.Checkpoint = new()
                {
                    Job = written.Job,
                    Generation = written.Generation,
                    Step = written.Step,
                    Path = written.Path,
                };
                break;
            default:
                throw new InvariantException(
                    $"no frame carries {sent.Report.GetType().Name}");
        }

        return message;
    }

    private static JobReport? ReportIn(Report message) => message.ReportCase switch
    {
        Report.ReportOneofCase.Steps => FromProto(message.Steps),
        Report.ReportOneofCase.Epoch => FromProto(message.Epoch),
        Report.ReportOneofCase.Hashed => new Cluster.Jobs.ParametersHashed(
            message.Hashed.Job, message.Hashed.Generation, message.Hashed.Step,
            message.Hashed.IsSaved, message.Hashed.Sha256),
        Report.ReportOneofCase.Checkpoint => new Cluster.Jobs.CheckpointWritten(
            message.Checkpoint.Job, message.Checkpoint.Generation, message.Checkpoint.Step,
            message.Checkpoint.Path),
        _ => null,
    };

    private static StepsCommitted ToProto(Cluster.Jobs.StepsCommitted report)
    {
        var message = new StepsCommitted
        {
            Job = report.Job,
            Generation = report.Generation,
            Rank = report.Rank,
            LongestGapMs = report.LongestGapMs,
        };
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
        message.Job, message.Generation, message.Rank,
        [
            .. message.Steps.Select(step => new Cluster.Jobs.StepRecord(
                step.Step, step.Loss, step.Correct, step.Samples, step.LearningRate,
                step.ComputeMs, step.CommunicationMs, step.WaitMs, step.StepMs)),
        ],
        message.LongestGapMs);

    private static EpochEvaluated ToProto(Cluster.Jobs.EpochEvaluated epoch)
    {
        var message = new EpochEvaluated
        {
            Job = epoch.Job,
            Generation = epoch.Generation,
            Epoch = epoch.Epoch,
            Step = epoch.Step,
            TrainLoss = epoch.TrainLoss,
            TrainAccuracy = epoch.TrainAccuracy,
        };
        message.TestBatches.AddRange(epoch.TestBatches.Select(batch => new TestBatchResult
        {
            Batch = batch.Batch,
            LossSum = batch.LossSum,
            Correct = batch.Correct,
            Samples = batch.Samples,
        }));
        return message;
    }

    private static Cluster.Jobs.EpochEvaluated FromProto(EpochEvaluated message) => new(
        message.Job, message.Generation, message.Epoch, message.Step, message.TrainLoss,
        message.TrainAccuracy,
        [
            .. message.TestBatches.Select(batch => new Cluster.Jobs.TestBatchResult(
                batch.Batch, batch.LossSum, batch.Correct, batch.Samples)),
        ]);
}
