using System.Globalization;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// Reads what a sweep varies: keys of the run spec, each with an expression such as
/// {uniform: [0, 1]}, or with a value that has expressions in it.
/// </summary>
internal sealed class SpaceReader
{
    private const int RepeatsMax = 1000;

    /// <summary>Keys that a sweep sets by itself, with what says them.</summary>
    private static readonly Dictionary<string, string> OwnKeys = new()
    {
        ["name"] = "a trial is named after the sweep and its number",
        ["seed"] = "'seeds' of the sweep says with which seeds a configuration is run",
    };

    private readonly SpecErrors _errors;
    private readonly List<PlacedDimension> _dimensions = [];
    private readonly List<PlacedBinding> _bindings = [];
    private readonly HashSet<string> _severalTimes = [];

    /// <summary>Of the run spec, which is being read.</summary>
    private string _key = "";

    private SpaceReader(SpecErrors errors) => _errors = errors;

    private static IReadOnlyList<string> Words { get; } = [.. RangeReader.Words, "choice"];

    /// <summary>What could be read; the errors say what could not.</summary>
    public static PlacedSpace Read(SpecNode space, SpecErrors errors)
    {
        var reader = new SpaceReader(errors);
        IEnumerable<string> keys = KeysOf(space);
        reader._severalTimes.UnionWith(
            keys.GroupBy(key => key).Where(same => same.Count() > 1).Select(same => same.Key));
        foreach (SpecEntry entry in space.Entries)
            reader.ReadKey(entry, [], option: null);
        return SpaceChecks.Check(reader._dimensions, reader._bindings, errors);
    }

    /// <summary>All keys of the run spec, those in the options of choices included.</summary>
    private static IEnumerable<string> KeysOf(SpecNode space) => space.Entries.SelectMany(entry =>
        entry.Value.Get("choice") is { Kind: SpecNodeKind.Map } options
            ? options.Entries.SelectMany(option => KeysOf(option.Value)).Prepend(entry.Key)
            : [entry.Key]);

    /// <param name="entry">A key of the run spec, and what it is to be.</param>
    /// <param name="given">When it is there.</param>
    /// <param name="option">The option of a choice that brings it; null for none.</param>
    private void ReadKey(SpecEntry entry, IReadOnlyList<Condition> given, string? option)
    {
        if (OwnKeys.TryGetValue(entry.Key, out string? reason))
        {
            _errors.Add(entry.Where, entry.Key, $"cannot vary; {reason}");
            return;
        }
        if (SpecOverride.Of(entry.Key, entry.Value, entry.Where, _errors) is null)
            return;
        string outer = _key;
        _key = entry.Key;
        ReadValueOf(entry, given, option);
        _key = outer;
    }

    private void ReadValueOf(SpecEntry entry, IReadOnlyList<Condition> given, string? option)
    {
        if (entry.Value.Kind != SpecNodeKind.Map && option is not null && !entry.Value.IsNull)
        {
            Bind(entry.Key, entry.Where, ReadTemplate(entry.Value, entry.Key, given), given);
            return;
        }
        if (entry.Value.Kind != SpecNodeKind.Map)
        {
            string hint = entry.Value.Kind == SpecNodeKind.List
                ? $"{{choice: {SpecYaml.Write(entry.Value)}}}"
                : "{uniform: [0, 1]} or {choice: [a, b]}; what does not vary belongs under run";
            _errors.Add(entry.Where, entry.Key,
                $"{entry.Value.Describe()}; expected an expression such as {hint}");
            return;
        }
        ReadExpressionOf(entry, given, option);
    }

    private void ReadExpressionOf(
        SpecEntry entry, IReadOnlyList<Condition> given, string? option)
    {
        var map = new SpecMap(entry.Value, entry.Key, _errors);
        IReadOnlyList<Condition> when = [.. given, .. ReadWhen(map)];
        if (map.Has("value"))
        {
            SpecNode value = map.Take("value")!;
            map.RefuseUnknown();
            Bind(entry.Key, entry.Where, ReadTemplate(value, entry.Key, when), when);
            return;
        }
        // Dimensions must differ in their names, also where options bring the same key.
        string name = _severalTimes.Contains(entry.Key) && option is not null
            ? $"{entry.Key} ({option})"
            : entry.Key;
        if (ReadExpression(map, entry.Value, name, entry.Where, when) is { } template)
            _bindings.Add(new PlacedBinding(entry.Key, entry.Where, template, when));
    }

    /// <summary>A value without a dimension of its own is only set where its conditions
    /// hold.</summary>
    private void Bind(
        string key, string where, SpecNode template, IReadOnlyList<Condition> when)
    {
        foreach (Condition condition in when)
            template = Template.When(condition.Dimension, condition.Options, template);
        _bindings.Add(new PlacedBinding(key, where, template, when));
    }

    private List<Condition> ReadWhen(SpecMap map)
    {
        var conditions = new List<Condition>();
        SpecNode? when = map.Take("when");
        if (when is null)
            return conditions;
        if (when is not { Kind: SpecNodeKind.Map, Entries.Count: > 0 })
        {
            map.Refuse("when",
                $"{when.Describe()}; expected a choice and its option, such as "
                + "{optimizer.kind: sgd}");
            return conditions;
        }
        foreach (SpecEntry entry in when.Entries)
        {
            IEnumerable<SpecNode> options = entry.Value.Kind == SpecNodeKind.List
                ? entry.Value.Items
                : [entry.Value];
            conditions.Add(new Condition(entry.Key, [.. options.Select(SpecYaml.Write)]));
        }
        return conditions;
    }

    /// <summary>Adds the dimension, and what its options bring. Null where it is none.</summary>
    private SpecNode? ReadExpression(
        SpecMap map, SpecNode node, string name, string where, IReadOnlyList<Condition> when)
    {
        string[] words = [.. Words.Where(word => node.Get(word) is not null)];
        if (words.Length != 1)
        {
            string[] known = [.. Words, "value", "step", "when"];
            SpecEntry? unknown = node.Entries.Find(entry => !known.Contains(entry.Key));
            string problem = words.Length > 1 ? $"{words[0]} beside {words[1]}; expected one"
                : unknown is null ? $"nothing that is drawn; known: {string.Join(", ", Words)}"
                : $"unknown expression '{unknown.Key}'; "
                    + SpecErrors.KnownWords(unknown.Key, known);
            _errors.Add(unknown?.Where ?? where, name, problem);
            return null;
        }
        name = Unique(name);
        if (words[0] == "choice")
        {
            SpecNode options = map.Take("choice") ?? SpecNode.Scalar(where, "");
            map.RefuseUnknown();
            return ReadChoice(options, name, where, when);
        }
        Dimension? dimension = RangeReader.Read(name, when, words[0], map);
        map.RefuseUnknown();
        if (dimension is null)
            return null;
        _dimensions.Add(new PlacedDimension(dimension, _key, where, []));
        return Template.Of(name, where);
    }

    private SpecNode? ReadChoice(
        SpecNode node, string name, string where, IReadOnlyList<Condition> when)
    {
        // It has its place and its name before what its options bring.
        int index = _dimensions.Count;
        _dimensions.Add(
            new PlacedDimension(new ChoiceDimension(name, when, []), _key, where, []));
        var options = new List<SpecNode>();
        if (node.Kind == SpecNodeKind.List)
        {
            foreach (SpecNode item in node.Items)
                options.Add(ReadOption(item, name));
        }
        else if (node.Kind == SpecNodeKind.Map)
        {
            foreach (SpecEntry entry in node.Entries)
                options.Add(ReadOption(entry, name));
        }
        string[] texts = [.. options.Select(SpecYaml.Write)];
        string? twice = texts.FirstOrDefault(text => texts.Count(other => IsSame(text, other)) > 1);
        if (texts.Length < 2)
        {
            string found = texts.Length == 0 ? node.Describe() : $"the one option {texts[0]}";
            _errors.Add(node.Where, name, $"{found}; expected two options or more, such as "
                + "{choice: [32, 64]}: what does not vary belongs under run");
            return null;
        }
        if (twice is not null)
        {
            _errors.Add(node.Where, name, $"{twice} is there twice; expected each option once");
            return null;
        }
        _dimensions[index] = new PlacedDimension(
            new ChoiceDimension(name, when, texts), _key, where, options);
        return Template.Of(name, where);
    }

    /// <summary>An option that is a value, perhaps with expressions in it.</summary>
    private SpecNode ReadOption(SpecNode item, string name)
    {
        int first = _dimensions.Count;
        SpecNode option = ReadTemplate(item, name, []);
        var condition = new Condition(name, [SpecYaml.Write(option)]);
        for (int index = first; index < _dimensions.Count; index++)
        {
            Dimension dimension = _dimensions[index].Dimension;
            if (dimension.When.Count > 0)
                continue;
            _dimensions[index] = _dimensions[index] with
            {
                Dimension = dimension with { When = [condition] },
            };
        }
        return option;
    }

    /// <summary>An option that brings keys of its own.</summary>
    private SpecNode ReadOption(SpecEntry entry, string name)
    {
        SpecNode option = SpecNode.Scalar(entry.Where, entry.Key);
        if (entry.Value.IsNull)
            return option;
        if (entry.Value.Kind != SpecNodeKind.Map)
        {
            _errors.Add(entry.Value.Where, $"{name} ({entry.Key})",
                $"{entry.Value.Describe()}; expected the keys that come with this option, such as "
                + "{optimizer.momentum: {uniform: [0.5, 0.99]}}, or {} for none");
            return option;
        }
        var condition = new Condition(name, [SpecYaml.Write(option)]);
        foreach (SpecEntry brought in entry.Value.Entries)
            ReadKey(brought, [condition], entry.Key);
        return option;
    }

    /// <summary>The value with a place for each dimension that was found in it.</summary>
    private SpecNode ReadTemplate(SpecNode node, string path, IReadOnlyList<Condition> when)
    {
        switch (node.Kind)
        {
            case SpecNodeKind.Map when IsExpression(node):
                var expression = new SpecMap(node, path, _errors);
                return ReadExpression(expression, node, path, node.Where, when)
                    ?? SpecNode.Scalar(node.Where, "");
            case SpecNodeKind.Map:
                SpecNode map = SpecNode.Map(node.Where);
                foreach (SpecEntry entry in node.Entries)
                {
                    if (entry.Key.StartsWith('$'))
                        _errors.Add(entry.Where, path, $"'{entry.Key}'; expected a key without $");
                    SpecNode value = ReadTemplate(entry.Value, $"{path}.{entry.Key}", when);
                    map.Set(entry.Key, value, entry.Where);
                }
                return map;
            case SpecNodeKind.List:
                SpecNode list = SpecNode.List(node.Where);
                bool isOnlyOne = node.Items.Count(
                    item => item.Get("repeat") is { } repeat && IsExpression(repeat)) == 1;
                for (var index = 0; index < node.Items.Count; index++)
                {
                    SpecNode item = node.Items[index];
                    string itemPath = $"{path}[{index}]";
                    if (item.Get("repeat") is null)
                        list.Items.Add(ReadTemplate(item, itemPath, when));
                    else
                        ReadRepeat(item, isOnlyOne ? path : itemPath, itemPath, when, list);
                }
                return list;
            default:
                return node.Copy();
        }
    }

    /// <summary>{repeat: 3, items: […]} or {repeat: {int: [1, 5]}, items: […]}.</summary>
    private void ReadRepeat(
        SpecNode item, string repeatPath, string itemPath, IReadOnlyList<Condition> when,
        SpecNode list)
    {
        var map = new SpecMap(item, itemPath, _errors);
        SpecNode repeat = map.Take("repeat") ?? SpecNode.Scalar(item.Where, "");
        SpecNode? items = map.Take("items");
        map.RefuseUnknown();
        if (items is not { Kind: SpecNodeKind.List, Items.Count: > 0 })
        {
            map.Refuse("items",
                $"{items?.Describe() ?? "nothing"}; expected the list of layers to repeat");
            return;
        }
        // The number is drawn before what it repeats.
        string name = $"{repeatPath}.repeat";
        int fixedCount = -1;
        if (IsExpression(repeat))
        {
            SpecNode drawn = ReadTemplate(repeat, name, when);
            if (drawn.Get(Template.Value) is not { } place)
                return;
            name = place.Text;
            Dimension dimension = _dimensions.Find(known => known.Name == name)!.Dimension;
            if (!IsCount(dimension))
            {
                map.Refuse("repeat", $"{SpecYaml.Write(repeat)}; expected whole numbers from 0 to "
                    + $"{RepeatsMax}, such as {{int: [1, 5]}}");
                return;
            }
        }
        else if (!TryCount(repeat.Text, out fixedCount))
        {
            map.Refuse("repeat",
                $"{repeat.Describe()}; expected a whole number or {{int: [1, 5]}}");
            return;
        }
        bool isOnlyOne = items.Items.Count(HasExpression) <= 1;
        SpecNode[] layers =
        [
            .. items.Items.Select((layer, index) => ReadTemplate(
                layer, isOnlyOne ? itemPath : $"{itemPath}.items[{index}]", when)),
        ];
        if (fixedCount < 0)
            list.Items.Add(Template.Repeated(name, layers, item.Where));
        for (var count = 0; count < fixedCount; count++)
            list.Items.AddRange(layers);
    }

    private static bool IsCount(Dimension dimension) => dimension switch
    {
        IntegerDimension integer => integer is { Low: >= 0, High: <= RepeatsMax },
        ChoiceDimension choice => choice.Options.All(option => TryCount(option, out _)),
        _ => false,
    };

    private static bool TryCount(string text, out int count) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count)
        && count <= RepeatsMax;

    private static bool IsExpression(SpecNode node) =>
        node.Entries.Exists(entry => Words.Contains(entry.Key));

    private static bool HasExpression(SpecNode node) =>
        IsExpression(node) || node.Items.Exists(HasExpression)
        || node.Entries.Exists(entry => HasExpression(entry.Value));

    private static bool IsSame(string left, string right) =>
        left == right
        || (TryNumber(left, out double one) && TryNumber(right, out double other)
            && one.Equals(other));

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number);

    private string Unique(string name)
    {
        string unique = name;
        for (var number = 2; _dimensions.Exists(known => known.Name == unique); number++)
            unique = $"{name} ({number})";
        return unique;
    }
}
