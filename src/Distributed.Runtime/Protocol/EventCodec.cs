using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// What a job tells its watchers, as records and as messages of the watch stream.
/// </summary>
internal static class EventCodec
{
    public static JobEvent ToProto(RunEvent happened) => happened switch
    {
        Cluster.Jobs.JobAccepted accepted => new() { Accepted = new() { Job = accepted.Job } },
        Cluster.Jobs.WorkerUp worker => new()
        {
            Worker = new()
            {
                Worker = worker.Worker,
                ProcessId = worker.ProcessId,
                Address = worker.Address,
                Rank = worker.Rank,
                Device = worker.Device,
            },
        },
        Cluster.Jobs.GenerationStarted generation => new() { Generation = ToProto(generation) },
        Cluster.Jobs.GenerationRunning running => new()
        {
            Recovered = new()
            {
                Generation = running.Generation,
                Step = running.Step,
                NoticedUnixMs = running.Noticed.ToUnixTimeMilliseconds(),
                RegroupMs = running.RegroupMs,
                RestoreMs = running.RestoreMs,
                StepMs = running.StepMs,
            },
        },
        StepCommitted step => new()
        {
            Step = new()
            {
                Step = step.Step,
                StepsTotal = step.StepsTotal,
                Epoch = step.Epoch,
                EpochsTotal = step.EpochsTotal,
                Loss = step.Loss,
                ImagesPerSecond = step.ImagesPerSecond,
            },
        },
        EpochCompleted epoch => new() { Epoch = ToProto(epoch) },
        CheckpointSaved saved => new()
        {
            Checkpoint = new() { Step = saved.Step, Path = saved.Path },
        },
        Cluster.Jobs.RunReturned returned => new()
        {
            Returned = new()
            {
                Step = returned.Step,
                EpochsKept = returned.EpochsKept,
                Returns = returned.Returns,
            },
        },
        Cluster.Jobs.Notice notice => new() { Notice = new() { Text = notice.Text } },
        Cluster.Jobs.RunCompleted completed => new() { Completed = ToProto(completed) },
        Cluster.Jobs.RunInterrupted interrupted => new()
        {
            Interrupted = new()
            {
                Step = interrupted.Step,
                RunFolder = interrupted.RunFolder,
                LastEpoch = interrupted.LastEpoch is { } last ? ToProto(last) : null,
            },
        },
        Cluster.Jobs.RunFailed failed => new() { Failed = ToProto(failed) },
        _ => throw new InvariantException($"no message carries {happened.GetType().Name}"),
    };

    /// <summary>The event in a message; null where it holds none that this version knows.</summary>
    public static RunEvent? FromProto(JobEvent message) => message.EventCase switch
    {
        JobEvent.EventOneofCase.Accepted => new Cluster.Jobs.JobAccepted(message.Accepted.Job),
        JobEvent.EventOneofCase.Worker => new Cluster.Jobs.WorkerUp(
            message.Worker.Worker, message.Worker.ProcessId, message.Worker.Address,
            message.Worker.Rank, message.Worker.Device),
        JobEvent.EventOneofCase.Generation => new Cluster.Jobs.GenerationStarted(
            message.Generation.Generation, message.Generation.Step,
            [.. message.Generation.Workers], message.Generation.Reason),
        JobEvent.EventOneofCase.Recovered => new Cluster.Jobs.GenerationRunning(
            message.Recovered.Generation, message.Recovered.Step,
            DateTimeOffset.FromUnixTimeMilliseconds(message.Recovered.NoticedUnixMs),
            message.Recovered.RegroupMs, message.Recovered.RestoreMs, message.Recovered.StepMs),
        JobEvent.EventOneofCase.Step => new StepCommitted(
            message.Step.Step, message.Step.StepsTotal, message.Step.Epoch,
            message.Step.EpochsTotal, message.Step.Loss, message.Step.ImagesPerSecond),
        JobEvent.EventOneofCase.Epoch => FromProto(message.Epoch),
        JobEvent.EventOneofCase.Checkpoint =>
            new CheckpointSaved(message.Checkpoint.Step, message.Checkpoint.Path),
        JobEvent.EventOneofCase.Returned => new Cluster.Jobs.RunReturned(
            message.Returned.Step, message.Returned.EpochsKept, message.Returned.Returns),
        JobEvent.EventOneofCase.Notice => new Cluster.Jobs.Notice(message.Notice.Text),
        JobEvent.EventOneofCase.Completed => FromProto(message.Completed),
        JobEvent.EventOneofCase.Interrupted => new Cluster.Jobs.RunInterrupted(
            message.Interrupted.Step, message.Interrupted.RunFolder,
            message.Interrupted.LastEpoch is { } last ? FromProto(last) : null),
        JobEvent.EventOneofCase.Failed =>
            new Cluster.Jobs.RunFailed(
                message.Failed.ExitCode, message.Failed.Message, message.Failed.Worker,
                message.Failed.DiskFull),
        _ => null,
    };

    private static GenerationStarted ToProto(Cluster.Jobs.GenerationStarted generation)
    {
        var message = new GenerationStarted
        {
            Generation = generation.Generation,
            Step = generation.Step,
            Reason = generation.Reason,
        };
        message.Workers.AddRange(generation.Workers);
        return message;
    }

    private static EpochEvent ToProto(EpochCompleted epoch) => new()
    {
        Epoch = epoch.Epoch,
        Step = epoch.Step,
        TrainLoss = epoch.TrainLoss,
        TrainAccuracy = epoch.TrainAccuracy,
        TestLoss = epoch.TestLoss,
        TestAccuracy = epoch.TestAccuracy,
        Seconds = epoch.Seconds,
    };

    private static EpochCompleted FromProto(EpochEvent message) => new(
        message.Epoch, message.Step, message.TrainLoss, message.TrainAccuracy, message.TestLoss,
        message.TestAccuracy, message.Seconds);

    private static RunFailed ToProto(Cluster.Jobs.RunFailed failed) => new()
    {
        ExitCode = failed.ExitCode,
        Message = failed.Message,
        Worker = failed.Worker,
        DiskFull = failed.IsDiskFull,
    };

    private static RunCompleted ToProto(Cluster.Jobs.RunCompleted completed) => new()
    {
        Steps = completed.Steps,
        Samples = completed.Samples,
        TestAccuracy = completed.TestAccuracy,
        TestLoss = completed.TestLoss,
        ParametersSha256 = completed.ParametersSha256,
        ImagesPerSecond = completed.ImagesPerSecond,
        Generations = completed.Generations,
        StepsRedone = completed.StepsRedone,
        StepsLost = completed.StepsLost,
        Seconds = completed.Seconds,
        RunFolder = completed.RunFolder,
        LastEpoch = completed.LastEpoch is { } last ? ToProto(last) : null,
    };

    private static Cluster.Jobs.RunCompleted FromProto(RunCompleted message) => new(
        message.Steps, message.Samples, message.TestAccuracy, message.TestLoss,
        message.ParametersSha256, message.ImagesPerSecond, message.Generations,
        message.StepsRedone, message.StepsLost, message.Seconds, message.RunFolder,
        message.LastEpoch is { } last ? FromProto(last) : null);
}
