using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>A sweep file, checked as a whole, with every default filled in.</summary>
/// <param name="RunSpecification">The run of the file as YAML; what it does not give is the
/// preset's.</param>
/// <param name="Epochs">Of a trial that is not stopped early; where they vary, the most.</param>
/// <param name="Datasets">Those that trials may use, each choice of classes once, without
/// limits.</param>
/// <remarks>The rest is as in <see cref="SweepDescription"/>.</remarks>
public sealed record SweepFileContent(
    string Name, string RunSpecification, IReadOnlyList<Binding> Bindings, SearchSpace Space,
    SamplerSpec Sampler, SchedulerSpec Scheduler, IReadOnlyList<Objective> Objectives,
    SweepLimits Limits, IReadOnlyList<ulong> RunSeeds, int Epochs, ulong Seed,
    bool IsDeterministic, IReadOnlyList<DatasetSpec> Datasets)
{
    /// <summary>Configurations that get at least one trial.</summary>
    public int Configurations => (Limits.Trials + RunSeeds.Count - 1) / RunSeeds.Count;

    /// <summary>The sweep as it is submitted.</summary>
    /// <param name="folder">Absolute; on storage that the coordinator and all workers see.</param>
    /// <param name="datasets">The sizes of <see cref="Datasets"/>.</param>
    /// <param name="commit">Of this program; empty where it is not known.</param>
    public SweepDescription Describe(
        string folder, IReadOnlyList<DatasetSize> datasets, string commit) => new(
        Name, folder, RunSpecification, Bindings, Space, Sampler, Scheduler, Objectives, Limits,
        RunSeeds, Epochs, Seed, IsDeterministic, datasets, commit);
}
