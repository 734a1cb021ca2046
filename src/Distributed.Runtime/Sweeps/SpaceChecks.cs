using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>The checks that need all of a space, and its order.</summary>
internal sealed class SpaceChecks
{
    private readonly Dictionary<string, PlacedDimension> _dimensions = [];
    private readonly SpecErrors _errors;

    private SpaceChecks(IEnumerable<PlacedDimension> dimensions, SpecErrors errors)
    {
        _errors = errors;
        foreach (PlacedDimension dimension in dimensions)
            _dimensions[dimension.Name] = dimension;
    }

    /// <summary>
    /// Puts a dimension behind those that its conditions name, and a binding of a part, such as
    /// model.conv[0].filters, behind one of the whole, such as model.layers.
    /// </summary>
    public static PlacedSpace Check(
        IReadOnlyList<PlacedDimension> dimensions, IReadOnlyList<PlacedBinding> bindings,
        SpecErrors errors)
    {
        var checks = new SpaceChecks(dimensions, errors);
        int before = errors.Count;
        foreach (PlacedDimension dimension in dimensions)
            checks.CheckConditions(dimension.Name, dimension.Where, dimension.Dimension.When);
        foreach (PlacedBinding binding in bindings.Where(
            binding => !dimensions.Any(dimension => dimension.Where == binding.Where)))
        {
            checks.CheckConditions(binding.Key, binding.Where, binding.When);
        }
        // What follows would go round in circles, or repeat what has been said.
        if (errors.Count > before)
            return new PlacedSpace(dimensions, bindings);
        IReadOnlyList<PlacedDimension> ordered = checks.Ordered(dimensions);
        if (errors.Count == before)
            checks.CheckKeys(bindings);
        return new PlacedSpace(
            ordered,
            [.. bindings.OrderBy(binding => SpecPath.Parse(binding.Key)!.Count)]);
    }

    /// <summary>
    /// Which options the choices must take for these conditions to hold, theirs included. A choice
    /// without an option left cannot be.
    /// </summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Required(
        IReadOnlyList<Condition> when, Func<string, Dimension> dimensionOf)
    {
        var required = new Dictionary<string, IReadOnlyList<string>>();
        var open = new Queue<Condition>(when);
        while (open.TryDequeue(out Condition? condition))
        {
            required[condition.Dimension] =
                required.TryGetValue(condition.Dimension, out IReadOnlyList<string>? options)
                    ? [.. options.Intersect(condition.Options)]
                    : condition.Options;
            foreach (Condition above in dimensionOf(condition.Dimension).When)
                open.Enqueue(above);
        }
        return required;
    }

    private void CheckConditions(string name, string where, IReadOnlyList<Condition> when)
    {
        foreach (Condition condition in when)
        {
            if (!_dimensions.TryGetValue(condition.Dimension, out PlacedDimension? named))
            {
                _errors.Add(where, name,
                    $"its condition names {condition.Dimension}, which does not vary; "
                    + KnownChoices(condition.Dimension, name));
            }
            else if (named.Dimension is not ChoiceDimension choice)
            {
                _errors.Add(where, name, $"its condition names {condition.Dimension}, which is no "
                    + $"choice; {KnownChoices(condition.Dimension, name)}");
            }
            else if (condition.Options.FirstOrDefault(
                option => choice.Options.Count > 0 && !choice.Options.Contains(option))
                is { } unknown)
            {
                _errors.Add(where, name, $"its condition names the option {unknown}, which "
                    + $"{condition.Dimension} does not have; "
                    + SpecErrors.KnownWords(unknown, choice.Options));
            }
        }
    }

    private string KnownChoices(string word, string except)
    {
        string[] choices =
        [
            .. _dimensions.Values
                .Where(known => known.Dimension is ChoiceDimension && known.Name != except)
                .Select(known => known.Name),
        ];
        return choices.Length > 0
            ? SpecErrors.KnownWords(word, choices)
            : "expected a choice, and there is no other";
    }

    /// <summary>Keeps the order of the file wherever it can.</summary>
    private List<PlacedDimension> Ordered(IReadOnlyList<PlacedDimension> dimensions)
    {
        var ordered = new List<PlacedDimension>();
        var left = dimensions.ToList();
        while (left.Count > 0)
        {
            PlacedDimension? next = left.Find(dimension => dimension.Dimension.When.All(
                condition => ordered.Exists(known => known.Name == condition.Dimension)));
            if (next is null)
            {
                _errors.Add(left[0].Where, left[0].Name,
                    "its condition depends on itself: "
                    + $"{string.Join(", ", left.Select(dimension => dimension.Name))} wait for "
                    + "each other; expected a choice that is always there");
                return ordered;
            }
            ordered.Add(next);
            left.Remove(next);
        }
        return ordered;
    }

    private void CheckKeys(IReadOnlyList<PlacedBinding> bindings)
    {
        var required = bindings
            .Select(binding => Required(binding.When, name => _dimensions[name].Dimension))
            .ToList();
        for (var index = 0; index < bindings.Count; index++)
        {
            PlacedBinding binding = bindings[index];
            if (required[index].FirstOrDefault(pair => pair.Value.Count == 0).Key is { } never)
            {
                _errors.Add(binding.Where, binding.Key,
                    $"never there: its conditions expect different options of {never}");
                continue;
            }
            int earlier = Enumerable.Range(0, index).FirstOrDefault(
                other => SameKey(bindings[other].Key) == SameKey(binding.Key)
                    && !IsExclusive(required[other], required[index]),
                -1);
            if (earlier >= 0)
            {
                _errors.Add(binding.Where, binding.Key, "varies twice, also at "
                    + $"{bindings[earlier].Where}; expected it once, or under different options "
                    + "of one choice");
            }
        }
    }

    private static bool IsExclusive(
        IReadOnlyDictionary<string, IReadOnlyList<string>> left,
        IReadOnlyDictionary<string, IReadOnlyList<string>> right) =>
        left.Any(pair => right.TryGetValue(pair.Key, out IReadOnlyList<string>? options)
            && !options.Intersect(pair.Value).Any());

    /// <summary>A section's one word stands for one of its keys.</summary>
    private static string SameKey(string key) => key switch
    {
        "dataset" => "dataset.name",
        "model" => "model.preset",
        "optimizer" => "optimizer.kind",
        "schedule" => "schedule.kind",
        _ => key,
    };
}
