using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// Job descriptions, generations and the cluster's state, as records and as protobuf.
/// </summary>
internal static class JobCodec
{
    public static JobDescription ToProto(Cluster.Jobs.JobDescription job) => new()
    {
        Name = job.Name,
        Specification = job.Specification,
        RunFolder = job.RunFolder,
        WorkerCount = job.WorkerCount,
        MinWorkers = job.MinWorkers,
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
        StopAfterStep = job.Schedule.StopAfterStep,
    };

    public static Cluster.Jobs.JobDescription FromProto(JobDescription job) => new(
        job.Name, job.Specification, job.RunFolder, job.WorkerCount, job.MinWorkers,
        job.LogicalShards,
        job.FastReduction ? ReductionOrder.Fast : ReductionOrder.Exact, job.GlobalBatch,
        job.TrainSamples, job.TestBatches,
        new StepSchedule(
            job.StepsTotal, job.StepsPerEpoch, job.CheckpointEverySteps,
            job.ParameterHashEverySteps, job.StopAfterStep),
        job.StartStep, job.CheckpointFolder, job.Numerics, job.StepsRedone, job.Commit);

    public static Generation ToProto(Cluster.Jobs.Generation generation)
    {
        var message = new Generation
        {
            Job = generation.Job,
            Number = generation.Number,
            StartStep = generation.Start.Step,
            EpochsEvaluated = generation.Start.EpochsEvaluated,
            StepSaved = generation.Start.StepSaved,
            SourceAddress = generation.Start.SourceAddress,
        };
        message.Ranks.AddRange(generation.Ranks.Select(rank => new RankAssignment
        {
            Rank = rank.Rank,
            Worker = ToProto(rank.Worker),
            FirstShard = rank.Shards.First,
            EndShard = rank.Shards.End,
        }));
        return message;
    }

    public static Cluster.Jobs.Generation FromProto(Generation message) => new(
        message.Job, message.Number,
        [
            .. message.Ranks.Select(rank => new Cluster.Jobs.RankAssignment(
                rank.Rank, FromProto(rank.Worker),
                new ShardRange(rank.FirstShard, rank.EndShard))),
        ],
        new StartPoint(
            message.StartStep, message.EpochsEvaluated, message.StepSaved,
            message.SourceAddress));

    public static WorkerIdentity ToProto(Cluster.Coordination.WorkerIdentity worker)
    {
        var message = new WorkerIdentity
        {
            Name = worker.Name,
            Incarnation = worker.Incarnation,
            Host = worker.Host,
            ProcessId = worker.ProcessId,
            DataAddress = worker.DataAddress,
            Version = worker.Version,
        };
        message.Roles.AddRange(worker.Roles);
        return message;
    }

    public static Cluster.Coordination.WorkerIdentity FromProto(WorkerIdentity worker) => new(
        worker.Name, worker.Incarnation, worker.Host, worker.ProcessId, worker.DataAddress,
        [.. worker.Roles])
    {
        Version = worker.Version,
    };

    public static GetStatusReply ToProto(ClusterStatus status)
    {
        var reply = new GetStatusReply
        {
            Term = status.Term,
            LeaderAddress = status.LeaderAddress,
        };
        reply.Workers.AddRange(status.Workers.Select(worker => new WorkerStatus
        {
            Worker = ToProto(worker.Worker),
            Status = worker.Status,
            Unreachable = worker.Unreachable,
            Job = worker.Job,
            Phase = worker.Phase,
            Step = worker.Step,
        }));
        reply.Jobs.AddRange(status.Jobs.Select(job => new JobStatus
        {
            Job = job.Job,
            Name = job.Name,
            State = job.State,
            Generation = job.Generation,
            Step = job.Step,
            StepsTotal = job.StepsTotal,
        }));
        return reply;
    }

    public static ClusterStatus FromProto(GetStatusReply reply) => new(
        reply.Term, reply.LeaderAddress,
        [
            .. reply.Workers.Select(worker => new Cluster.Coordination.WorkerStatus(
                FromProto(worker.Worker), worker.Status, worker.Unreachable, worker.Job,
                worker.Phase, worker.Step)),
        ],
        [
            .. reply.Jobs.Select(job => new Cluster.Coordination.JobStatus(
                job.Job, job.Name, job.State, job.Generation, job.Step, job.StepsTotal)),
        ]);
}
