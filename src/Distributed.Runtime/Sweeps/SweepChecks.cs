using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>The checks that no single section of a sweep file can make.</summary>
internal static class SweepChecks
{
    /// <summary>Sections that a state can be trained on with, whatever they were before.</summary>
    private static readonly string[] ChangeableSections =
        ["optimizer", "schedule", "augmentation", "labelSmoothing"];

    /// <summary>The scheduler with the brackets that the epochs allow.</summary>
    public static SchedulerSpec Scheduler(
        SchedulerSpec scheduler, PlacedSpace space, IReadOnlyList<RunSpec> samples, SpecNode run,
        SpecMap map, SweepRules rules, SpecErrors errors)
    {
        if (scheduler is NoSchedulerSpec)
            return scheduler;
        if (samples.Any(sample => sample.Steps is not null))
        {
            string where = run.Entries.Find(entry => entry.Key == "steps")?.Where
                ?? space.Bindings.FirstOrDefault(binding => binding.Key == "steps")?.Where
                ?? run.Where;
            errors.Add(where, "steps", "a cap on steps beside a scheduler, which judges after "
                + "epochs; expected epochs alone");
        }
        int[] epochs = [.. samples.Select(sample => sample.EpochCount).Distinct().Order()];
        if (epochs.Length > 1)
        {
            map.Refuse("scheduler", $"trials of {string.Join(", ", epochs)} epochs cannot be "
                + "compared after the same epochs; expected the same epochs for all: give "
                + "run.epochs, and no epochs in space");
            return scheduler;
        }
        if (scheduler is AshaSpec { Brackets: 0 } hyperband)
        {
            int rungs = SweepSections.RungsOf(hyperband, epochs[0]);
            scheduler = hyperband with { Brackets = Math.Max(2, rungs) };
        }
        if ((SweepSections.ProblemOf(scheduler, epochs[0])
            ?? rules.SchedulerProblem(scheduler, epochs[0])) is { } problem)
        {
            map.Refuse("scheduler", problem);
        }
        if (scheduler is PbtSpec)
            StatesFit(space, errors);
        return scheduler;
    }

    public static void Sampler(
        SamplerSpec sampler, PlacedSpace space, SpecMap map, SweepRules rules, SpecErrors errors)
    {
        int before = errors.Count;
        if (sampler is GridSpec)
        {
            foreach (PlacedDimension dimension in space.Dimensions.Where(
                dimension => dimension.Dimension is RealDimension { Step: null }))
            {
                errors.Add(dimension.Where, dimension.Name,
                    "a range without a step beside sampler grid; expected a step, or a choice");
            }
        }
        if (errors.Count == before && rules.SamplerProblem(sampler, space.Space) is { } problem)
            map.Refuse("sampler", problem);
    }

    /// <summary>Of a sweep that is to decide the same whenever it is run.</summary>
    public static void Determinism(
        SamplerSpec sampler, SchedulerSpec scheduler, IReadOnlyList<Objective> objectives,
        SweepLimits limits, SpecMap map)
    {
        bool learns = sampler is TpeSpec or CmaEsSpec;
        bool decidesBySpeed = objectives.Where((_, index) => learns || index == 0)
            .Any(objective => objective.Metric == ObjectiveMetric.ImagesPerSecond);
        if (decidesBySpeed && (learns || scheduler is not NoSchedulerSpec))
        {
            map.Refuse("deterministic", "true with decisions by imagesPerSecond, which is never "
                + "the same twice; expected another objective, or false");
        }
        if (limits.ConcurrentTrials == 0 && learns)
        {
            map.Refuse("deterministic", "true with a sampler that learns, and no number of trials "
                + "at a time: what it has seen would depend on the workers; expected "
                + "limits.concurrent");
        }
    }

    /// <summary>Other machines have another current folder.</summary>
    public static void Datasets(IReadOnlyList<RunSpec> samples, SpecNode run, SpecErrors errors)
    {
        IEnumerable<string> relative = samples
            .Select(sample => sample.Dataset.Name)
            .Where(name => !DatasetCatalog.Names.Contains(name) && !Path.IsPathRooted(name))
            .Distinct();
        foreach (string name in relative)
        {
            errors.Add(run.Get("dataset")?.Where ?? run.Where, "dataset",
                $"'{name}' is no absolute path; expected one that means the same on every machine, "
                + $"such as {Path.GetFullPath(name)}");
        }
    }

    /// <summary>A trial goes on from another's state, which has that one's network.</summary>
    private static void StatesFit(PlacedSpace space, SpecErrors errors)
    {
        foreach (PlacedDimension dimension in space.Dimensions)
        {
            string section = SpecPath.Parse(dimension.Key)![0].Key;
            bool isKind = dimension.Key is "optimizer" or "optimizer.kind";
            bool isDropout = dimension.Key.EndsWith(".dropout", StringComparison.Ordinal)
                || dimension.Key.EndsWith(".probability", StringComparison.Ordinal);
            if (isDropout || (ChangeableSections.Contains(section) && !isKind))
                continue;
            errors.Add(dimension.Where, dimension.Name,
                "varies beside scheduler pbt, where a trial goes on from the state of another; "
                + "expected only what may change on the way: keys of optimizer (but its kind), "
                + "schedule and augmentation, labelSmoothing, or a dropout");
        }
    }
}
