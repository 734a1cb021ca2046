using Distributed.Training.Models;

namespace Distributed.Training.Specification;

/// <summary>
/// Reads a list of layers, and remembers where each was written for later messages.
/// </summary>
internal sealed class LayerReader
{
    private const int SizeMax = 1 << 24;

    /// <summary>Of one channel no larger patch could be had.</summary>
    private const int WhiteningKernelMax = 16;

    private readonly SpecErrors errors;
    private readonly Dictionary<string, string> positions = [];

    public LayerReader(SpecErrors errors) => this.errors = errors;

    public static IReadOnlyList<string> Kinds { get; } =
    [
        "conv", "whitening", "batchNorm", "relu", "gelu", "maxPool", "avgPool", "globalAvgPool",
        "dropout", "flatten", "linear", "scale", "residual",
    ];

    /// <summary>Where the layer of that full name was written.</summary>
    public string WhereOf(string fullName, string otherwise) =>
        positions.GetValueOrDefault(fullName, otherwise);

    public ValueList<LayerSpec> Read(SpecNode? node, string path, string where)
    {
        if (node is null or { Kind: SpecNodeKind.List, Items.Count: 0 })
            errors.Add(where, path, "empty; expected a list of layers");
        return Block(node, path, where, prefix: "", listName: "layers", isShortcut: false);
    }

    private ValueList<LayerSpec> Block(
        SpecNode? node, string path, string where, string prefix, string listName,
        bool isShortcut)
    {
        if (node is null)
            return [];
        if (node.Kind != SpecNodeKind.List)
        {
            errors.Add(where, path, $"{node.Describe()}; expected a list of layers");
            return [];
        }
        var layers = new List<LayerSpec>();
        var names = new LayerNames(isShortcut);
        for (var index = 0; index < node.Items.Count; index++)
        {
            var item = node.Items[index];
            if (Layer(item, $"{path}[{index}]", prefix, names) is not { } layer)
                continue;
            layers.Add(layer);
            var fullName = layer is NamedLayerSpec named
                ? prefix + named.Name
                : $"{prefix}{listName}[{index}] ({LayerWords.KindOf(layer)})";
            positions[fullName] = PositionOf(item);
        }
        return [.. layers];
    }

    /// <summary>
    /// A layer that an override has changed is shown with the override: the rest of it is likely
    /// to be right, the more so when it comes from a preset.
    /// </summary>
    private static string PositionOf(SpecNode item)
    {
        var body = item.Entries.Count == 1 ? item.Entries[0].Value : item;
        var changed = body.Entries.FindLast(entry => entry.IsOverride);
        return changed?.Where ?? body.Where;
    }

    private LayerSpec? Layer(SpecNode item, string path, string prefix, LayerNames names)
    {
        string kind;
        string where;
        SpecNode? body = null;
        if (item.Kind == SpecNodeKind.Map && item.Entries.Count == 1)
        {
            (kind, where, body, _) = item.Entries[0];
        }
        else if (item.Kind == SpecNodeKind.Scalar && !item.IsNull)
        {
            (kind, where) = (item.Text, item.Where);
        }
        else
        {
            var what = item.Kind == SpecNodeKind.Map && item.Entries.Count > 1
                ? $"one item with {string.Join(" and ", item.Entries.Select(entry => entry.Key))}"
                : item.Describe();
            errors.Add(item.Where, path,
                $"{what}; expected one layer such as 'relu' or 'conv: {{filters: 16, kernel: 5}}'");
            return null;
        }
        if (!Kinds.Contains(kind))
        {
            errors.Add(where, path,
                $"unknown layer '{kind}'; {SpecErrors.KnownWords(kind, Kinds)}");
            return null;
        }
        var map = SpecMap.Of(body, $"{path}.{kind}", errors, where, ShorthandOf(kind));
        var layer = Body(kind, map, path, prefix, names.Next(kind));
        map.RefuseUnknown();
        return layer;
    }

    private static string? ShorthandOf(string kind) => kind switch
    {
        "maxPool" or "avgPool" => "kernel",
        "dropout" => "probability",
        "linear" => "features",
        "scale" => "factor",
        _ => null,
    };

    private LayerSpec Body(
        string kind, SpecMap map, string path, string prefix, string? defaultName)
    {
        switch (kind)
        {
            case "conv":
                return new ConvLayer(
                    Name(map, defaultName!), Size(map, "filters"), Size(map, "kernel"),
                    map.Int32("stride", 1, 1, SizeMax), Padding(map),
                    map.Int32("groups", 1, 1, SizeMax), map.Bool("bias", true));
            case "whitening":
                return Whitening(map, defaultName!);
            case "batchNorm":
                return new BatchNormLayer(
                    Name(map, defaultName!),
                    map.Double("momentum", 0.1, SpecRange.PositiveFraction),
                    map.Double("epsilon", 1e-5, SpecRange.Positive),
                    map.Bool("scale", true));
            case "maxPool":
                var (size, step, margin) = Window(map);
                return new MaxPoolLayer(size, step, margin);
            case "avgPool":
                var (kernel, stride, padding) = Window(map);
                return new AveragePoolLayer(kernel, stride, padding);
            case "dropout":
                if (!map.Has("probability"))
                    map.Refuse("probability", "missing; expected the share of values to drop");
                return new DropoutLayer(map.Double("probability", 0, SpecRange.BelowOne));
            case "linear":
                return new LinearLayer(
                    Name(map, defaultName!), Features(map), map.Bool("bias", true));
            case "scale":
                if (!map.Has("factor"))
                    map.Refuse("factor", "missing; expected the number to multiply by");
                return new ScaleLayer(map.Double("factor", 1, SpecRange.Positive));
            case "residual":
                return Residual(map, $"{path}.residual", prefix, defaultName!);
            case "relu":
                return new ReluLayer();
            case "gelu":
                return new GeluLayer();
            case "flatten":
                return new FlattenLayer();
            default:
                return new GlobalAveragePoolLayer();
        }
    }

    private static WhiteningLayer Whitening(SpecMap map, string defaultName)
    {
        var standard = new WhiteningLayer(Name(map, defaultName));
        double? epochs = map.Has("biasEpochs")
            ? map.Double("biasEpochs", 0, new SpecRange(0, RunSpecSections.EpochsMax))
            : null;
        map.Take("biasEpochs");
        return standard with
        {
            Kernel = map.Int32("kernel", standard.Kernel, 1, WhiteningKernelMax),
            Samples = map.Int32("samples", standard.Samples, 2),
            Epsilon = map.Double("epsilon", standard.Epsilon, SpecRange.Positive),
            BiasEpochs = epochs,
        };
    }

    private ResidualLayer Residual(SpecMap map, string path, string prefix, string defaultName)
    {
        var name = Name(map, defaultName);
        var inner = $"{prefix}{name}.";
        if (!map.Has("layers"))
            map.Refuse("layers", "missing; expected the layers whose output is added to the input");
        var layers = Block(map.Take("layers"), $"{path}.layers", map.WhereOf("layers"), inner,
            "layers", isShortcut: false);
        var shortcut = Block(map.Take("shortcut"), $"{path}.shortcut", map.WhereOf("shortcut"),
            $"{inner}{LayerNames.ShortcutPrefix}.", "shortcut", isShortcut: true);
        return new ResidualLayer(name, layers, shortcut);
    }

    private static string Name(SpecMap map, string defaultName)
    {
        var name = map.Text("name") ?? defaultName;
        if (LayerNames.IsValid(name))
            return name;
        map.Refuse("name", $"'{name}'; expected letters, digits, '_' and single dots between them");
        return defaultName;
    }

    private static int Size(SpecMap map, string key)
    {
        if (!map.Has(key))
            map.Refuse(key, "missing; expected a whole number of 1 or more");
        return map.Int32(key, 1, 1, SizeMax);
    }

    private static int? Padding(SpecMap map)
    {
        if (map.Take("padding") is { Kind: SpecNodeKind.Scalar, Text: "same" })
            return null;
        if (map.Has("padding") && map.Take("padding") is { Kind: SpecNodeKind.Scalar } node
            && !node.Text.All(char.IsAsciiDigit))
        {
            map.Refuse("padding", $"'{node.Text}'; expected same, or a whole number of 0 or more");
            return null;
        }
        return map.Int32OrNull("padding", 0, SizeMax);
    }

    private static (int Kernel, int Stride, int Padding) Window(SpecMap map)
    {
        var kernel = Size(map, "kernel");
        return (kernel, map.Int32("stride", kernel, 1, SizeMax),
            map.Int32("padding", 0, 0, SizeMax));
    }

    private static int? Features(SpecMap map)
    {
        if (!map.Has("features"))
        {
            map.Refuse("features", "missing; expected a whole number of 1 or more, or classes");
            return null;
        }
        if (map.Take("features") is { Kind: SpecNodeKind.Scalar } node
            && !node.Text.All(char.IsAsciiDigit))
        {
            if (node.Text != "classes")
            {
                map.Refuse("features",
                    $"'{node.Text}'; expected a whole number of 1 or more, or classes");
            }
            return null;
        }
        return map.Int32OrNull("features", 1, SizeMax);
    }
}
