using System.Globalization;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>Reads each section of a sweep file but its run and its space.</summary>
internal static class SweepSections
{
    private const int TrialsMax = 1_000_000;
    private const double HoursMax = 100_000;

    private static readonly string[] Samplers = ["grid", "random", "sobol", "tpe", "cma-es"];
    private static readonly string[] Schedulers = ["none", "median", "asha", "hyperband", "pbt"];

    public static SamplerSpec Sampler(SpecMap root, SpecErrors errors)
    {
        (string word, SpecMap map) = Named(root, "sampler", "random", Samplers, errors);
        SamplerSpec sampler = word switch
        {
            "grid" => new GridSpec(),
            "sobol" => new SobolSpec(),
            "tpe" => new TpeSpec(
                map.Int32("startTrials", new TpeSpec().StartTrials, 1, TrialsMax),
                map.Int32("candidates", new TpeSpec().Candidates, 1, 10_000)),
            // None, or as many as make a distribution.
            "cma-es" => new CmaEsSpec(map.Int32("population", 0, 2, 10_000)),
            _ => new RandomSpec(),
        };
        map.RefuseUnknown();
        return sampler;
    }

    public static SchedulerSpec Scheduler(SpecMap root, SpecErrors errors)
    {
        (string word, SpecMap map) = Named(root, "scheduler", "none", Schedulers, errors);
        SchedulerSpec scheduler = word switch
        {
            "median" => Median(map),
            "asha" => Asha(map, hasBrackets: false),
            "hyperband" => Asha(map, hasBrackets: true),
            "pbt" => Pbt(map),
            _ => new NoSchedulerSpec(),
        };
        map.RefuseUnknown();
        return scheduler;
    }

    /// <summary>What speaks against a scheduler for trials of so many epochs; null:
    /// nothing.</summary>
    public static string? ProblemOf(SchedulerSpec scheduler, int epochs) => scheduler switch
    {
        AshaSpec asha when epochs < asha.Divisor =>
            $"a divisor of {asha.Divisor} with trials of {epochs} epochs leaves no epoch to judge "
            + $"at; expected run.epochs of {asha.Divisor} or more",
        AshaSpec asha when asha.Brackets > RungsOf(asha, epochs) =>
            $"{asha.Brackets} brackets with {RungsOf(asha, epochs)} rungs in {epochs} epochs; "
            + $"expected at most {RungsOf(asha, epochs)} brackets, or more epochs",
        MedianSpec median when Math.Max(median.GraceEpochs, median.EveryEpochs) >= epochs =>
            $"it would judge from epoch {Math.Max(median.GraceEpochs, median.EveryEpochs)} on, and "
            + $"trials end with epoch {epochs}; expected it to judge before the end",
        PbtSpec pbt when pbt.EveryEpochs >= epochs =>
            $"an interval of {pbt.EveryEpochs} epochs with trials of {epochs}; expected an "
            + "interval below the epochs",
        _ => null,
    };

    /// <summary>The last epoch included.</summary>
    public static int RungsOf(AshaSpec asha, int epochs)
    {
        var rungs = 1;
        for (long epoch = asha.Divisor; epoch <= epochs && rungs < asha.RungsMax; rungs++)
            epoch *= asha.Divisor;
        return rungs;
    }

    public static IReadOnlyList<Objective> Objectives(SpecMap root, SpecErrors errors)
    {
        SpecNode? node = root.Take("objective");
        if (node is null)
            return [new Objective(ObjectiveMetric.TestAccuracy, IsMaximized: true)];
        var objectives = new List<Objective>();
        foreach (SpecNode item in node.Kind == SpecNodeKind.List ? node.Items : [node])
        {
            if (ReadObjective(item, errors) is not { } objective)
                continue;
            if (objectives.Exists(other => other.Metric == objective.Metric))
            {
                errors.Add(item.Where, "objective",
                    $"{SpecWords.Of(objective.Metric)} is there twice; expected each metric once");
            }
            objectives.Add(objective);
        }
        if (node is { Kind: SpecNodeKind.List, Items.Count: 0 })
            errors.Add(node.Where, "objective", "an empty list; expected one objective or more");
        return objectives;
    }

    public static SweepLimits Limits(SpecMap root, int trials, SpecErrors errors)
    {
        SpecMap map = SpecMap.Of(root.Take("limits"), "limits", errors, root.Where);
        double? hours = map.Has("hours")
            ? map.Double("hours", 1, new SpecRange(0, HoursMax, MinExcluded: true))
            : null;
        map.Take("hours");
        var limits = new SweepLimits(
            trials, map.Int32("concurrent", 0, 1, 10_000),
            map.Int32("workersPerTrial", 1, 1, 10_000),
            hours is { } duration ? TimeSpan.FromHours(duration) : null,
            map.Int32("retries", 2, 0, 1000));
        map.RefuseUnknown();
        return limits;
    }

    /// <summary>Null where nothing was given.</summary>
    public static int? Trials(SpecMap root) => root.Int32OrNull("trials", 1, TrialsMax);

    /// <summary>`seeds: 3` is 1, 2, 3; `seeds: [7, 8]` is these.</summary>
    public static IReadOnlyList<ulong> Seeds(SpecMap root)
    {
        if (root.Take("seeds") is not { Kind: SpecNodeKind.List } list)
        {
            int count = root.Int32("seeds", 1, 1, 1000);
            return [.. Enumerable.Range(1, count).Select(seed => (ulong)seed)];
        }
        var seeds = new List<ulong>();
        foreach (SpecNode item in list.Items)
        {
            if (item.Kind == SpecNodeKind.Scalar && ulong.TryParse(
                    item.Text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
                && !seeds.Contains(seed))
            {
                seeds.Add(seed);
            }
        }
        if (seeds.Count == 0 || seeds.Count != list.Items.Count)
            root.Refuse("seeds", "expected how many seeds, or a list of different whole numbers");
        return seeds.Count > 0 ? seeds : [1];
    }

    private static Objective? ReadObjective(SpecNode node, SpecErrors errors)
    {
        string[] words = node.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not ["maximize" or "minimize", _])
        {
            errors.Add(node.Where, "objective", $"{node.Describe()}; expected maximize or minimize "
                + "and a metric, such as 'maximize testAccuracy'");
            return null;
        }
        if (SpecWords.TryParse(words[1], out ObjectiveMetric metric))
            return new Objective(metric, words[0] == "maximize");
        errors.Add(node.Where, "objective", $"unknown metric '{words[1]}'; "
            + SpecErrors.KnownWords(words[1], SpecWords.All<ObjectiveMetric>()));
        return null;
    }

    private static MedianSpec Median(SpecMap map)
    {
        var standard = new MedianSpec();
        return new MedianSpec(
            map.Int32("everyEpochs", standard.EveryEpochs, 1),
            map.Int32("graceEpochs", standard.GraceEpochs, 1),
            map.Int32("trialsMin", standard.TrialsMin, 1));
    }

    /// <summary>Brackets of 0 stand for as many as there are rungs.</summary>
    private static AshaSpec Asha(SpecMap map, bool hasBrackets)
    {
        var standard = new AshaSpec();
        return new AshaSpec(
            map.Int32("divisor", standard.Divisor, 2, 1000),
            map.Int32("rungs", standard.RungsMax, 2, 100),
            hasBrackets ? map.Int32("brackets", 0, 2, 100) : 1);
    }

    private static PbtSpec Pbt(SpecMap map)
    {
        if (!map.Has("everyEpochs"))
        {
            map.Refuse("everyEpochs",
                "missing; expected after how many epochs trials take over from others, such as "
                + "pbt: {everyEpochs: 2}");
        }
        var standard = new PbtSpec(1);
        return new PbtSpec(
            map.Int32("everyEpochs", 1, 1),
            map.Double("quantile", standard.Quantile, new SpecRange(0, 0.5, MinExcluded: true)),
            map.Double("resample", standard.Resample, SpecRange.Fraction));
    }

    /// <summary>`sampler: tpe` or `sampler: {tpe: {candidates: 48}}`.</summary>
    private static (string Word, SpecMap Settings) Named(
        SpecMap root, string key, string fallback, IReadOnlyList<string> known, SpecErrors errors)
    {
        SpecNode? node = root.Take(key);
        (string word, SpecNode? settings, string where) = node switch
        {
            null => (fallback, null, root.Where),
            { Kind: SpecNodeKind.Scalar } => (node.Text, null, node.Where),
            { Kind: SpecNodeKind.Map, Entries: [var only] } =>
                (only.Key, only.Value, only.Where),
            _ => ("", null, node.Where),
        };
        if (word.Length == 0)
        {
            errors.Add(where, key, $"{node!.Describe()}; expected one of "
                + $"{string.Join(", ", known)}, perhaps with settings as in "
                + $"{key}: {{{known[^2]}: {{…}}}}");
            word = fallback;
        }
        else if (!known.Contains(word))
        {
            errors.Add(where, key,
                $"unknown {key} '{word}'; {SpecErrors.KnownWords(word, known)}");
            (word, settings) = (fallback, null);
        }
        return (word, SpecMap.Of(settings, $"{key}.{word}", errors, where));
    }
}
