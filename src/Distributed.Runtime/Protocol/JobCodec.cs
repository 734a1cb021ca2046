using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;

namespace Distributed.Runtime.Protocol;

/// <summary>Job descriptions and generations, as the cluster's records and as protobuf.</summary>
internal static class JobCodec
{
    public static JobDescription ToProto(Cluster.Jobs.JobDescription job) => new()
    {
        Name = job.Name,
        Specification = job.Specification,
        RunFolder = job.RunFolder,
        WorkerCount = job.WorkerCount,
        LogicalShards = job.LogicalShards,
        FastReduction = job.Reduction == ReductionOrder.Fast,
        GlobalBatch = job.GlobalBatch,
        TrainSamples = job.TrainSamples,
        TestBatches = job.TestBatches,
        StepsTotal = job.Schedule.StepsTotal,
        StepsPerEpoch = job.Schedule.StepsPerEpoch,
        CheckpointEverySteps = job.Schedule.CheckpointEverySteps,
        ParameterHashEverySteps = job.Schedule.ParameterHashEverySteps,
        StartStep = job.StartStep,
        CheckpointFolder = job.CheckpointFolder,
        Numerics = job.Numerics,
        StepsRedone = job.StepsRedone,
        Commit = job.Commit,
    };

    public static Cluster.Jobs.JobDescription FromProto(JobDescription job) => new(
        job.Name, job.Specification, job.RunFolder, job.WorkerCount, job.LogicalShards,
        job.FastReduction ? ReductionOrder.Fast : ReductionOrder.Exact, job.GlobalBatch,
        job.TrainSamples, job.TestBatches,
        new StepSchedule(
            job.StepsTotal, job.StepsPerEpoch, job.CheckpointEverySteps,
            job.ParameterHashEverySteps),
        job.StartStep, job.CheckpointFolder, job.Numerics, job.StepsRedone, job.Commit);

    public static PrepareJob ToProto(Cluster.Jobs.PrepareJob order)
    {
        var message = new PrepareJob
        {
            Job = order.Job,
            Description = ToProto(order.Description),
            Generation = order.Generation.Number,
            Rank = order.Rank,
        };
        message.Ranks.AddRange(order.Generation.Ranks.Select(rank => new RankAssignment
        {
            Rank = rank.Rank,
            Worker = rank.Worker,
            DataAddress = rank.DataAddress,
            FirstShard = rank.Shards.First,
            EndShard = rank.Shards.End,
        }));
        return message;
    }

    public static Cluster.Jobs.PrepareJob FromProto(PrepareJob message) => new(
        message.Job, FromProto(message.Description),
        new Generation(
            message.Job, message.Generation,
            [
                .. message.Ranks.Select(rank => new Cluster.Jobs.RankAssignment(
                    rank.Rank, rank.Worker, rank.DataAddress,
                    new ShardRange(rank.FirstShard, rank.EndShard))),
            ]),
        message.Rank);

    public static WorkerIdentity ToProto(Cluster.Coordination.WorkerIdentity worker) => new()
    {
        Name = worker.Name,
        Incarnation = worker.Incarnation,
        ProcessId = worker.ProcessId,
        DataAddress = worker.DataAddress,
    };

    public static Cluster.Coordination.WorkerIdentity FromProto(WorkerIdentity worker) => new(
        worker.Name, worker.Incarnation, worker.ProcessId, worker.DataAddress);

    public static GetStatusReply ToProto(ClusterStatus status)
    {
        var reply = new GetStatusReply();
        reply.Workers.AddRange(status.Workers.Select(worker => new WorkerStatus
        {
            Worker = ToProto(worker.Worker),
            Job = worker.Job,
        }));
        reply.Jobs.AddRange(status.Jobs.Select(job => new JobStatus
        {
            Job = job.Job,
            Name = job.Name,
            State = job.State,
            Step = job.Step,
            StepsTotal = job.StepsTotal,
        }));
        return reply;
    }
}
