using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// Reads and checks a sweep file as a whole, before anything runs. An error says where, which key,
/// what was found and what was expected; all of them come at once.
/// </summary>
public static class SweepFile
{
    private const string RunPrefix = "run.";
    private const string SpacePrefix = "space.";

    /// <param name="yaml">The file's text.</param>
    /// <param name="origin">What messages call it; the sweep's name where it has none.</param>
    /// <param name="overrides">KEY=VALUE with the file's keys, such as trials=20, run.epochs=3,
    /// sampler=random or space.globalBatch={choice: [32, 64]}. They win over the text.</param>
    /// <param name="rules">What samplers and schedulers refuse; null: nothing.</param>
    /// <exception cref="SpecificationException">With every error that was found.</exception>
    public static SweepFileContent Read(
        string yaml, string origin, IReadOnlyList<string> overrides, SweepRules? rules = null)
    {
        var errors = new SpecErrors();
        SpecNode? root = SpecYaml.Parse(
            yaml, (line, column) => $"{origin}:{line}:{column}", errors);
        IReadOnlyList<SpecOverride> changes = SpecOverrides.Parse(overrides, errors);
        if (root is { IsNull: true })
            root = SpecNode.Map(root.Where);
        if (root is { Kind: not SpecNodeKind.Map })
        {
            errors.Add(root.Where, "",
                $"{root.Describe()}; expected a map of keys such as run, space and trials");
        }
        if (root is not { Kind: SpecNodeKind.Map })
            errors.ThrowIfAny();
        foreach (SpecOverride change in changes)
            Apply(root!, change, errors);
        SweepFileContent content = Read(root!, origin, rules ?? SweepRules.None, errors);
        errors.ThrowIfAny();
        return content;
    }

    /// <summary>
    /// Keys of the run and of the space are paths of their own, and stay whole.
    /// </summary>
    private static void Apply(SpecNode root, SpecOverride change, SpecErrors errors)
    {
        string? section = change.Key.StartsWith(RunPrefix, StringComparison.Ordinal) ? "run"
            : change.Key.StartsWith(SpacePrefix, StringComparison.Ordinal) ? "space"
            : null;
        if (section is null)
        {
            SpecOverrides.Apply(root, change, errors);
            return;
        }
        if (root.Get(section) is not { Kind: SpecNodeKind.Map } map)
        {
            map = SpecNode.Map(change.Where);
            root.Set(section, map, change.Where);
        }
        string key = change.Key[(section.Length + 1)..];
        // The last of a run's keys wins, so that this one must be the last.
        map.Entries.RemoveAll(entry => entry.Key == key);
        map.Set(key, change.Value, change.Where, isOverride: true);
    }

    private static SweepFileContent Read(
        SpecNode root, string origin, SweepRules rules, SpecErrors errors)
    {
        var map = new SpecMap(root, "", errors);
        string name = Name(map, origin);
        SpecNode run = Run(map, errors);
        SamplerSpec sampler = SweepSections.Sampler(map, errors);
        SchedulerSpec scheduler = SweepSections.Scheduler(map, errors);
        IReadOnlyList<Objective> objectives = SweepSections.Objectives(map, errors);
        IReadOnlyList<ulong> seeds = SweepSections.Seeds(map);
        int? trials = SweepSections.Trials(map);
        SweepLimits limits = SweepSections.Limits(map, trials ?? 1, errors);
        ulong seed = map.UInt64("seed", 1);
        bool isDeterministic = map.Bool("deterministic", false);
        SpecNode? spaceNode = SpaceNode(map, errors);
        map.RefuseUnknown();

        int before = errors.Count;
        PlacedSpace space = spaceNode is null
            ? new PlacedSpace([], [])
            : SpaceReader.Read(spaceNode, errors);
        bool isSound = spaceNode is not null && errors.Count == before;
        IReadOnlyList<RunSpec> samples = isSound
            ? SpaceSamples.Read(space, run, errors)
            : ReadAlone(run, errors);
        if (samples.Count > 0)
            scheduler = SweepChecks.Scheduler(scheduler, space, samples, run, map, rules, errors);
        if (isSound)
            SweepChecks.Sampler(sampler, space, map, rules, errors);
        if (isDeterministic)
            SweepChecks.Determinism(sampler, scheduler, objectives, limits, map);
        SweepChecks.Datasets(samples, run, errors);
        if (trials is null && !root.Entries.Exists(entry => entry.Key == "trials"))
            limits = limits with { Trials = AllTrials(sampler, space, seeds, map, isSound) };
        return new SweepFileContent(
            name, WriteRun(run),
            [
                .. space.Bindings.Select(binding =>
                    new Binding(binding.Key, SpecYaml.Write(binding.Template))),
            ],
            space.Space, sampler, scheduler, objectives, limits, seeds,
            samples.Count > 0 ? samples.Max(sample => sample.EpochCount) : 1, seed, isDeterministic,
            [
                .. samples
                    .Select(sample => sample.Dataset with { TrainLimit = null, TestLimit = null })
                    .Distinct(),
            ]);
    }

    private static string Name(SpecMap map, string origin)
    {
        if (map.Text("name") is { } given)
        {
            if (!RunSpec.IsName(given))
                map.Refuse("name", $"'{given}'; expected {RunSpec.NameWords}");
            return given;
        }
        string file = Path.GetFileNameWithoutExtension(origin);
        return RunSpec.IsName(file) ? file : "sweep";
    }

    private static SpecNode Run(SpecMap map, SpecErrors errors)
    {
        SpecNode? run = map.Take("run");
        if (run is not null and not { Kind: SpecNodeKind.Map })
        {
            errors.Add(run.Where, "run",
                $"{run.Describe()}; expected a run spec, such as {{dataset: mnist, epochs: 3}}");
        }
        if (run is not { Kind: SpecNodeKind.Map })
            return SpecNode.Map(map.Where);
        foreach (SpecEntry entry in run.Entries.Where(entry => entry.Key is "name" or "seed"))
        {
            errors.Add(entry.Where, $"run.{entry.Key}", entry.Key == "name"
                ? "a trial is named after the sweep and its number; expected 'name' of the sweep"
                : "a trial has its own seed; expected 'seeds' of the sweep");
        }
        return run;
    }

    private static SpecNode? SpaceNode(SpecMap map, SpecErrors errors)
    {
        SpecNode? space = map.Take("space");
        if (space is { Kind: SpecNodeKind.Map, Entries.Count: > 0 })
            return space;
        errors.Add(space?.Where ?? map.Where, "space",
            $"{(space is null ? "missing" : space.Describe())}; expected what varies, such as "
            + "optimizer.learningRate: {loguniform: [1e-4, 1e-1]}");
        return null;
    }

    /// <summary>Where the space cannot be read, at least the run's own errors are told.</summary>
    private static IReadOnlyList<RunSpec> ReadAlone(SpecNode run, SpecErrors errors)
    {
        try
        {
            return [RunSpecReader.Read(run.Copy(), [])];
        }
        catch (SpecificationException exception)
        {
            foreach (string error in exception.Errors)
                errors.Add(error);
            return [];
        }
    }

    private static int AllTrials(
        SamplerSpec sampler, PlacedSpace space, IReadOnlyList<ulong> seeds, SpecMap map,
        bool isSound)
    {
        if (sampler is not GridSpec)
        {
            map.Refuse("trials", "missing; expected how many trials are to be run, all seeds "
                + "counted");
            return 1;
        }
        // Without an end it has been refused already.
        long trials = (isSound ? GridSize.Of(space.Space) ?? 1 : 1) * seeds.Count;
        if (trials <= GridSize.Max)
            return (int)trials;
        map.Refuse("trials", $"missing, and the grid has more than {GridSize.Max} of them; "
            + "expected how many are to be run");
        return 1;
    }

    /// <summary>A key a line, for people who look into it.</summary>
    private static string WriteRun(SpecNode run)
    {
        var lines = new List<string>();
        foreach (SpecEntry entry in run.Entries)
        {
            SpecNode line = SpecNode.Map(entry.Where);
            line.Set(entry.Key, entry.Value, entry.Where);
            lines.Add(SpecYaml.Write(line)[1..^1] + "\n");
        }
        return string.Concat(lines);
    }
}
