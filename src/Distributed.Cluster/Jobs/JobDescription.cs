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
/// <param name="MinWorkers">With fewer than these the job waits.</param>
/// <param name="StartStep">The committed step from which the job goes on; 0 for a new run.</param>
/// <param name="CheckpointFolder">The checkpoint of that step; empty for a new run.</param>
/// <param name="Numerics">The fingerprint that a resumed run must match; empty for a new
/// run.</param>
/// <param name="StepsRedone">Steps run before, after the checkpoint, that this job runs
/// again.</param>
public sealed record JobDescription(
    string Name, string Specification, string RunFolder, int WorkerCount, int MinWorkers,
    int LogicalShards, ReductionOrder Reduction, int GlobalBatch, long TrainSamples,
    int TestBatches, StepSchedule Schedule, long StartStep, string CheckpointFolder,
    string Numerics, long StepsRedone, string Commit);
