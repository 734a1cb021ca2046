using Distributed.Collectives.Reduction;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// A job as it is submitted. The run spec travels as text: workers read it, the coordinator only
/// needs the counts beside it.
/// </summary>
/// <param name="Name">The run's name, for people.</param>
/// <param name="Specification">The full run spec, YAML.</param>
/// <param name="RunFolder">Absolute; on storage that the coordinator and all workers see.</param>
/// <param name="WorkerCount">How many workers the job asks for; those beyond the shards are
/// spares.</param>
/// <param name="StartStep">The committed step from which the job goes on; 0 for a new run.</param>
/// <param name="CheckpointFolder">The checkpoint of that step; empty for a new run.</param>
/// <param name="Numerics">The fingerprint that a resumed run must match; empty for a new
/// run.</param>
/// <param name="StepsRedone">Steps run before, after the checkpoint, that this job runs
/// again.</param>
public sealed record JobDescription(
    string Name, string Specification, string RunFolder, int WorkerCount, int LogicalShards,
    ReductionOrder Reduction, int GlobalBatch, long TrainSamples, int TestBatches,
    StepSchedule Schedule, long StartStep, string CheckpointFolder, string Numerics,
    long StepsRedone, string Commit);

/// <summary>
/// A worker's place in a generation; <paramref name="Rank"/> is -1 for a hot spare.
/// </summary>
public sealed record RankAssignment(
    int Rank, string Worker, string DataAddress, ShardRange Shards);

/// <summary>One membership of a job: who computes which shards from which step on.</summary>
public sealed record Generation(ulong Job, int Number, IReadOnlyList<RankAssignment> Ranks)
{
    /// <summary>Assigns the shards evenly, in the order of the workers given.</summary>
    public static Generation Even(
        ulong job, int number, int shardCount,
        IReadOnlyList<(string Worker, string Address)> workers)
    {
        ShardMap map = ShardMap.Even(shardCount, workers.Count);
        var ranks = new List<RankAssignment>();
        for (int rank = 0; rank < map.RankCount; rank++)
        {
            (string worker, string address) = workers[rank];
            ranks.Add(new RankAssignment(rank, worker, address, map.Ranges[rank]));
        }

        return new Generation(job, number, ranks);
    }

    public ShardMap Map(int shardCount) => new(shardCount, [.. Ranks.Select(rank => rank.Shards)]);
}
