using Distributed.Cluster.Jobs;

namespace Distributed.Simulation.Training;

/// <summary>Which samples a step, and a shard of it, consists of.</summary>
internal static class SampleOrder
{
    public static SampleRange OfStep(JobDescription job, long step)
    {
        long first = (step - 1) % job.Schedule.StepsPerEpoch * job.GlobalBatch;
        return new SampleRange(first, Math.Min(first + job.GlobalBatch, job.TrainSamples));
    }

    public static SampleRange OfShard(JobDescription job, long step, int shard)
    {
        SampleRange whole = OfStep(job, step);
        return new SampleRange(
            whole.First + whole.Count * shard / job.LogicalShards,
            whole.First + whole.Count * (shard + 1) / job.LogicalShards);
    }
}
