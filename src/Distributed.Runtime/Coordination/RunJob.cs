using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Coordination;

/// <summary>Makes the job that carries out a run.</summary>
public static class RunJob
{
    /// <param name="spec">The run's.</param>
    /// <param name="place">Where it is, and where it goes on.</param>
    /// <param name="samples">How many the run sees, limits applied.</param>
    /// <param name="workers">How many it asks for.</param>
    /// <param name="stopAfterEpoch">It ends after this epoch, to be resumed; 0: at its end.</param>
    public static JobDescription Describe(
        RunSpec spec, RunPlace place, SampleCounts samples, int workers, int stopAfterEpoch = 0)
    {
        long stepsPerEpoch = samples.StepsPerEpoch(spec.GlobalBatch);
        long stepsTotal = spec.TotalSteps(stepsPerEpoch);
        long stopAfter = stopAfterEpoch * stepsPerEpoch;
        var schedule = new StepSchedule(
            stepsTotal, stepsPerEpoch, spec.CheckpointSteps(stepsPerEpoch),
            spec.ParameterHashEvery, stopAfter >= stepsTotal ? 0 : stopAfter);
        return new JobDescription(
            spec.Name, spec.ToYaml(), Path.GetFullPath(place.Folder), workers, MinWorkers: 1,
            spec.LogicalShards,
            spec.Reduction == ReductionMode.Exact ? ReductionOrder.Exact : ReductionOrder.Fast,
            spec.GlobalBatch, samples.Train, TrainingSession.TestBatchCount(samples.Test),
            schedule, place.StartStep, place.CheckpointFolder, place.Numerics, place.StepsRedone,
            place.Commit);
    }
}

/// <summary>A run's folder and where the run goes on.</summary>
/// <param name="Folder">The run's.</param>
/// <param name="StartStep">0 for a new run.</param>
/// <param name="CheckpointFolder">Of that step; empty for a new run.</param>
/// <param name="Numerics">The fingerprint that it must match; empty for a new run.</param>
/// <param name="StepsRedone">Steps on record that it runs again.</param>
/// <param name="Commit">Of the program; empty where it is not known.</param>
public sealed record RunPlace(
    string Folder, long StartStep, string CheckpointFolder, string Numerics, long StepsRedone,
    string Commit);

/// <summary>How many samples a run sees.</summary>
public sealed record SampleCounts(int Train, int Test)
{
    public long StepsPerEpoch(int globalBatch) => (Train + globalBatch - 1L) / globalBatch;
}
