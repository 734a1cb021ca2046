using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// What the samplers and the schedulers themselves have against a sweep: one line that says what
/// was found and what was expected, or null.
/// </summary>
public sealed record SweepRules(
    Func<SamplerSpec, SearchSpace, string?> SamplerProblem,
    Func<SchedulerSpec, int, string?> SchedulerProblem)
{
    /// <summary>They have nothing against any.</summary>
    public static SweepRules None { get; } = new((_, _) => null, (_, _) => null);
}
