namespace Distributed.Training.Specification;

/// <summary>One change to a spec, such as a KEY=VALUE of the command line, parsed.</summary>
/// <param name="Where">What messages call the place that it was written at.</param>
/// <param name="Key">The path as it was written.</param>
/// <param name="Value">Becomes part of the tree that is changed.</param>
public sealed record SpecOverride(
    string Where, string Key, IReadOnlyList<SpecPathStep> Path, SpecNode Value)
{
    /// <summary>Null, with an error added, where the key is no dotted path.</summary>
    public static SpecOverride? Of(string key, SpecNode value, string where, SpecErrors errors)
    {
        if (SpecPath.Parse(key) is { } path)
            return new SpecOverride(where, key, path, value);
        errors.Add(where, key,
            "not a key of a run spec; expected a dotted path such as optimizer.learningRate");
        return null;
    }

    /// <summary>
    /// Layers can be addressed once a preset's layers are in the tree, not before.
    /// </summary>
    public bool AddressesLayers =>
        Path.Count > 1 && Path[0].Key == "model"
        && (Path[1].Key == "layers" || Path[1].Index is not null);
}

/// <summary>Applies KEY=VALUE overrides to a spec's tree.</summary>
public static class SpecOverrides
{
    /// <summary>The key that a single value stands for, by the key that holds the value.</summary>
    private static readonly Dictionary<string, string> Shorthands = new()
    {
        ["dataset"] = "name",
        ["model"] = "preset",
        ["optimizer"] = "kind",
        ["schedule"] = "kind",
        ["maxPool"] = "kernel",
        ["avgPool"] = "kernel",
        ["dropout"] = "probability",
        ["linear"] = "features",
        ["scale"] = "factor",
    };

    private const string WherePrefix = "--set ";

    /// <summary>Reads KEY=VALUE texts; those that are none add an error.</summary>
    public static IReadOnlyList<SpecOverride> Parse(IEnumerable<string> texts, SpecErrors errors)
    {
        var overrides = new List<SpecOverride>();
        foreach (var text in texts)
        {
            var where = WherePrefix + text;
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? text : text[..equals].Trim();
            if (equals <= 0 || SpecPath.Parse(key) is not { } path)
            {
                errors.Add(where, "",
                    "not an override; expected KEY=VALUE such as optimizer.learningRate=1e-3");
                continue;
            }
            // A value such as [cat, dog] or {kernel: 3} is YAML like the rest of the spec.
            if (SpecYaml.Parse(text[(equals + 1)..], (_, _) => where, errors) is not { } value)
                continue;
            var isEmpty = value.Kind == SpecNodeKind.Map && value.Entries.Count == 0;
            overrides.Add(new SpecOverride(
                where, key, path, isEmpty ? SpecNode.Scalar(where, "") : value));
        }
        return overrides;
    }

    /// <summary>Makes a change to a tree, or adds an error that says why it cannot be.</summary>
    public static void Apply(SpecNode root, SpecOverride change, SpecErrors errors)
    {
        var node = root;
        for (var depth = 0; depth < change.Path.Count; depth++)
        {
            var step = change.Path[depth];
            var isLast = depth == change.Path.Count - 1;
            if (depth == 1 && change.AddressesLayers && step.Key != "layers")
            {
                if (LayerOfKind(node, step, change, errors) is not { } layer)
                    return;
                // The layer's map is what the path goes on with, under the layer's kind.
                if (isLast)
                    layer.Set(step.Key, change.Value, change.Where, isOverride: true);
                else
                    node = Child(layer, step.Key, change.Where);
                continue;
            }
            if (step.Index is { } index)
            {
                if (ItemAt(node, step.Key, index, change, errors) is not { } list)
                    return;
                if (isLast)
                    list.Items[index] = change.Value;
                else
                    node = list.Items[index] = AsMap(list.Items[index], null);
            }
            else if (isLast)
            {
                node.Set(step.Key, change.Value, change.Where, isOverride: true);
            }
            else
            {
                node = Child(node, step.Key, change.Where);
            }
        }
    }

    private static SpecNode Child(SpecNode parent, string key, string where)
    {
        // The key keeps its place in the file; what is new is only what lies below it.
        var entry = parent.Entries.Find(entry => entry.Key == key);
        var child = entry is { Value.IsNull: false }
            ? AsMap(entry.Value, Shorthands.GetValueOrDefault(key))
            : SpecNode.Map(where);
        parent.Set(key, child, entry?.Where ?? where);
        return child;
    }

    /// <summary>
    /// Makes `maxPool: 2` into `maxPool: {kernel: 2}`, and `relu` into `relu: {}`.
    /// </summary>
    private static SpecNode AsMap(SpecNode node, string? shorthand)
    {
        if (node.Kind == SpecNodeKind.Map)
            return node;
        var map = SpecNode.Map(node.Where);
        if (node.Kind == SpecNodeKind.Scalar)
            map.Set(shorthand ?? node.Text,
                shorthand is null ? SpecNode.Scalar(node.Where, "") : node, node.Where);
        return map;
    }

    private static SpecNode? ItemAt(
        SpecNode parent, string key, int index, SpecOverride change, SpecErrors errors)
    {
        var list = parent.Get(key);
        if (list is { Kind: SpecNodeKind.List } && index < list.Items.Count)
            return list;
        var count = list is { Kind: SpecNodeKind.List } ? list.Items.Count : 0;
        errors.Add(change.Where, change.Key,
            $"{key}[{index}] does not exist; {Counted(count, $"items in {key}")}");
        return null;
    }

    private static SpecNode? LayerOfKind(
        SpecNode model, SpecPathStep step, SpecOverride change, SpecErrors errors)
    {
        if (!LayerReader.Kinds.Contains(step.Key))
        {
            errors.Add(change.Where, change.Key, $"unknown kind of layer '{step.Key}'; "
                + SpecErrors.KnownWords(step.Key, LayerReader.Kinds));
            return null;
        }
        var found = new List<SpecNode>();
        Collect(model.Get("layers"), step.Key, found);
        if (step.Index < found.Count)
            return found[step.Index.Value];
        errors.Add(change.Where, change.Key, $"{step.Key}[{step.Index}] does not exist; "
            + Counted(found.Count, $"{step.Key} layers in the model"));
        return null;
    }

    /// <summary>The layers of a kind in reading order, those in residual blocks included.</summary>
    private static void Collect(SpecNode? layers, string kind, List<SpecNode> found)
    {
        if (layers is not { Kind: SpecNodeKind.List })
            return;
        for (var index = 0; index < layers.Items.Count; index++)
        {
            if (layers.Items[index] is { Kind: SpecNodeKind.Scalar } word && word.Text == kind)
                layers.Items[index] = AsMap(word, null);
            var layer = layers.Items[index];
            if (layer.Kind != SpecNodeKind.Map)
                continue;
            if (layer.Get(kind) is not null)
                found.Add(layer);
            if (layer.Get("residual") is { Kind: SpecNodeKind.Map } residual)
            {
                Collect(residual.Get("layers"), kind, found);
                Collect(residual.Get("shortcut"), kind, found);
            }
        }
    }

    private static string Counted(int count, string what) => count switch
    {
        0 => $"there are no {what}",
        1 => $"there is one of the {what}, [0]",
        _ => $"there are {count} {what}, [0] to [{count - 1}]",
    };
}
