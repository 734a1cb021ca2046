using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// Reads run specs with sample values before anything runs: every option of each choice, the low
/// and the high end of each range. A value is refused where it cannot be read together with any of
/// the values that are tried for all others; what only fails together with some is a trial that
/// fails.
/// </summary>
internal sealed class SpaceSamples
{
    private const int DrawsAtRandom = 5;
    private const int DatasetsMax = 256;
    private const int WholeNumbersMax = 64;

    private readonly PlacedSpace _space;
    private readonly SpecNode _run;
    private readonly Dictionary<string, PlacedDimension> _dimensions;

    /// <summary>By message: the values with which it came.</summary>
    private readonly Dictionary<string, List<(string Dimension, string Text)>> _problems = [];

    private SpaceSamples(PlacedSpace space, SpecNode run)
    {
        _space = space;
        _run = run;
        _dimensions = space.Dimensions.ToDictionary(dimension => dimension.Name);
    }

    /// <summary>The specs that could be read; the errors say what could not.</summary>
    public static IReadOnlyList<RunSpec> Read(PlacedSpace space, SpecNode run, SpecErrors errors)
    {
        var samples = new SpaceSamples(space, run);
        var specs = new List<RunSpec>();
        foreach (PlacedDimension dimension in space.Dimensions)
        {
            foreach (SpecNode value in ValuesOf(dimension, wholeNumbersMax: 0))
            {
                var forced = new Dictionary<string, SpecNode> { [dimension.Name] = value };
                if (samples.Try(forced) is { } spec)
                    specs.Add(spec);
            }
        }
        samples.Report(errors);
        if (errors.Count == 0)
            specs.AddRange(samples.OfAllDatasets());
        return specs;
    }

    /// <summary>
    /// Null where nothing that is tried for the other dimensions makes a run of these values.
    /// </summary>
    private RunSpec? Try(Dictionary<string, SpecNode> forced)
    {
        IReadOnlyList<string>? firstErrors = null;
        for (var draw = 0; draw < 3 + DrawsAtRandom; draw++)
        {
            Dictionary<string, SpecNode>? values = Draw(forced, draw);
            if (values is null)
                return null;
            try
            {
                return Read(values);
            }
            catch (SpecificationException exception)
            {
                firstErrors ??= exception.Errors;
            }
        }
        (string name, SpecNode value) = forced.First();
        foreach (string error in firstErrors!)
        {
            if (!_problems.TryGetValue(error, out List<(string, string)>? sources))
                _problems[error] = sources = [];
            sources.Add((name, SpecYaml.Write(value)));
        }
        return null;
    }

    private RunSpec Read(Dictionary<string, SpecNode> values)
    {
        var errors = new SpecErrors();
        var changes = new List<SpecOverride>();
        foreach (PlacedBinding binding in _space.Bindings)
        {
            if (Template.Fill(binding.Template, values.GetValueOrDefault) is { } value
                && SpecOverride.Of(binding.Key, value, binding.Where, errors) is { } change)
            {
                changes.Add(change);
            }
        }
        errors.ThrowIfAny();
        return RunSpecReader.Read(_run.Copy(), changes);
    }

    /// <summary>Null where the values that are asked for cannot be there together.</summary>
    private Dictionary<string, SpecNode>? Draw(Dictionary<string, SpecNode> forced, int draw)
    {
        IReadOnlyList<Condition> conditions =
        [
            .. forced.Keys.SelectMany(name => _dimensions[name].Dimension.When),
        ];
        IReadOnlyDictionary<string, IReadOnlyList<string>> required =
            SpaceChecks.Required(conditions, name => _dimensions[name].Dimension);
        var values = new Dictionary<string, SpecNode>();
        foreach (PlacedDimension placed in _space.Dimensions)
        {
            if (!IsThere(placed.Dimension, values))
                continue;
            bool isForced = forced.TryGetValue(placed.Name, out SpecNode? value);
            required.TryGetValue(placed.Name, out IReadOnlyList<string>? allowed);
            value ??= ValueAt(placed, Fraction(draw, values.Count), allowed);
            bool isAllowed = value is not null
                && (!isForced || allowed is null || allowed.Contains(SpecYaml.Write(value)));
            if (!isAllowed)
                return null;
            values[placed.Name] = value!;
        }
        return forced.Keys.All(values.ContainsKey) ? values : null;
    }

    private static bool IsThere(Dimension dimension, Dictionary<string, SpecNode> values) =>
        dimension.When.All(condition =>
            values.TryGetValue(condition.Dimension, out SpecNode? value)
            && condition.Options.Contains(SpecYaml.Write(value)));

    /// <summary>The middle of everything, the low ends, the high ends, at random.</summary>
    private static double Fraction(int draw, int dimension) => draw switch
    {
        0 => 0.5,
        1 => 0,
        2 => 1,
        _ => CounterRandom.UnitDouble(CounterRandom.Key((ulong)draw, 0), (ulong)dimension),
    };

    private static SpecNode? ValueAt(
        PlacedDimension placed, double fraction, IReadOnlyList<string>? allowed)
    {
        if (placed.Dimension is not ChoiceDimension)
            return SpecNode.Scalar(placed.Where, NumberAt(placed.Dimension, fraction));
        SpecNode[] options =
        [
            .. placed.Options.Where(option =>
                allowed is null || allowed.Contains(SpecYaml.Write(option))),
        ];
        return options.Length == 0
            ? null
            : options[Math.Min((int)(fraction * options.Length), options.Length - 1)];
    }

    private static string NumberAt(Dimension dimension, double fraction)
    {
        double Between(double low, double high, bool isLogarithmic) => isLogarithmic
            ? Math.Exp(Math.Log(low) + (fraction * (Math.Log(high) - Math.Log(low))))
            : low + (fraction * (high - low));
        if (dimension is IntegerDimension whole)
        {
            double wished = Between(whole.Low, whole.High, whole.IsLogarithmic);
            long steps = Math.Min(
                (long)Math.Round((wished - whole.Low) / whole.Step),
                (whole.High - whole.Low) / whole.Step);
            return SpecWords.Of(whole.Low + (steps * whole.Step));
        }
        var real = (RealDimension)dimension;
        // Rounding must not lead out of the range.
        double value = fraction switch
        {
            0 => real.Low,
            1 => real.High,
            _ => Between(real.Low, real.High, real.IsLogarithmic),
        };
        if (real.Step is { } step)
        {
            double steps = Math.Min(
                Math.Round((value - real.Low) / step),
                Math.Floor(((real.High - real.Low) / step) + 1e-9));
            value = Math.Min(real.Low + (steps * step), real.High);
        }
        return SpecWords.Of(value);
    }

    /// <summary>Options, or the ends; all whole numbers where they are so few.</summary>
    private static IEnumerable<SpecNode> ValuesOf(PlacedDimension placed, int wholeNumbersMax)
    {
        if (placed.Dimension is ChoiceDimension)
            return placed.Options;
        if (placed.Dimension is IntegerDimension whole
            && (whole.High - whole.Low) / whole.Step < wholeNumbersMax)
        {
            int count = (int)((whole.High - whole.Low) / whole.Step) + 1;
            return Enumerable.Range(0, count).Select(step =>
                SpecNode.Scalar(placed.Where, SpecWords.Of(whole.Low + (step * whole.Step))));
        }
        return new[] { 0.0, 1.0 }.Select(fraction =>
            SpecNode.Scalar(placed.Where, NumberAt(placed.Dimension, fraction)));
    }

    /// <summary>
    /// Every combination of the values that decide about the dataset, for their datasets are
    /// fetched before the first trial.
    /// </summary>
    private List<RunSpec> OfAllDatasets()
    {
        PlacedDimension[] deciding =
        [
            .. _space.Dimensions.Where(dimension =>
                SpecPath.Parse(dimension.Key)![0].Key == "dataset"),
        ];
        IEnumerable<Dictionary<string, SpecNode>> combinations = [new()];
        foreach (PlacedDimension dimension in deciding)
        {
            combinations = combinations.SelectMany(
                _ => ValuesOf(dimension, WholeNumbersMax),
                (others, value) => new Dictionary<string, SpecNode>(others)
                {
                    [dimension.Name] = value,
                });
        }
        return
        [
            .. combinations.Take(DatasetsMax)
                .Where(forced => forced.Count > 0)
                .Select(TryQuietly)
                .OfType<RunSpec>(),
        ];
    }

    private RunSpec? TryQuietly(Dictionary<string, SpecNode> forced)
    {
        RunSpec? spec = Try(forced);
        _problems.Clear();
        return spec;
    }

    /// <summary>
    /// Names the value with which a message came, unless it comes with all values anyway.
    /// </summary>
    private void Report(SpecErrors errors)
    {
        foreach ((string message, List<(string Dimension, string Text)> sources) in _problems)
        {
            (string name, string text) = sources[0];
            int values = ValuesOf(_dimensions[name], wholeNumbersMax: 0).Count();
            bool isAlways = sources.Count(source => source.Dimension == name) == values;
            errors.Add(isAlways ? message : $"{message} (with {name} = {text})");
        }
    }
}
