using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Training;

/// <summary>How long what a device does takes: a third more or less than usual.</summary>
internal sealed class TrainingTimes(ProcessLife life, Conditions conditions, Prng random)
{
    public long PrepareNs() => Draw(conditions.PrepareNs);

    public long CopyNs() => Draw(conditions.CopyNs);

    public long SnapshotNs() => Draw(conditions.SaveNs / 20);

    public long SaveNs() => Draw(conditions.SaveNs);

    public long HashNs() => Draw(conditions.StepNs / 20);

    /// <summary>From the last gradient's arrival to the commit.</summary>
    public long CommitNs() => Draw(conditions.StepNs / 50);

    public long ComputeNs(int shards, int shardsOfAll) =>
        Draw(conditions.StepNs / 4 + conditions.StepNs * shards / shardsOfAll);

    public long EvaluateNs(int ranks) => Draw(conditions.EvaluateNs / ranks);

    private long Draw(long ns) => life.Slowed(random.NextBetween(ns * 2 / 3, ns * 4 / 3) + 1);
}
