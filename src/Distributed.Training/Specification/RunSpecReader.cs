using Distributed.Training.Models;

namespace Distributed.Training.Specification;

/// <summary>
/// Reads and checks a run spec as a whole. What is not given comes from the model preset's recipe;
/// an empty text is a complete run. Keys may be dotted paths, which win over what is nested.
/// </summary>
public static class RunSpecReader
{
    internal const string DefaultDataset = "fashion-mnist";
    internal const string DefaultModel = "course-cnn";

    /// <param name="overrides">
    /// KEY=VALUE with a dotted path, such as optimizer.learningRate=1e-3,
    /// model.conv[0].filters=32 (the first convolution) or model.layers[3].dropout=0.3. They win
    /// over the text, the later over the earlier.
    /// </param>
    /// <param name="model">
    /// Replaces the text's model: a map with layers, a bare list of layers, or a whole run spec of
    /// which the model is taken.
    /// </param>
    /// <param name="facts">
    /// Tells of a dataset what the checks need; null asks what is known ahead of any download.
    /// </param>
    /// <exception cref="SpecificationException">With every error that was found.</exception>
    public static RunSpec Read(
        string yaml, string origin, IReadOnlyList<string>? overrides = null,
        SpecText? model = null, Func<DatasetSpec, DatasetFacts?>? facts = null)
    {
        var errors = new SpecErrors();
        var root = ParseMap(new SpecText(yaml, origin), errors);
        var changes = SpecOverrides.Parse(overrides ?? [], errors);
        if (root is null)
            errors.ThrowIfAny();
        if (model is not null && ReadModelText(model, errors) is { } replacement)
            root!.Set("model", replacement, replacement.Where);
        return ReadTree(root!, changes, facts, errors);
    }

    /// <summary>As the other one, of a tree that may be part of another file.</summary>
    /// <param name="root">A map; it is changed on the way, and not to be used again.</param>
    /// <param name="changes">The later win; their values become part of the tree.</param>
    /// <param name="facts">As for the other one.</param>
    /// <exception cref="SpecificationException">With every error that was found.</exception>
    public static RunSpec Read(
        SpecNode root, IReadOnlyList<SpecOverride> changes,
        Func<DatasetSpec, DatasetFacts?>? facts = null) =>
        ReadTree(root, changes, facts, new SpecErrors());

    private static RunSpec ReadTree(
        SpecNode root, IReadOnlyList<SpecOverride> changes,
        Func<DatasetSpec, DatasetFacts?>? facts, SpecErrors errors)
    {
        changes = [.. TakePaths(root, errors), .. changes];
        foreach (var change in changes.Where(change => !change.AddressesLayers))
            SpecOverrides.Apply(root, change, errors);

        var map = new SpecMap(root, "", errors);
        var dataset = RunSpecSections.Dataset(map, errors);
        var known = dataset is null ? null : (facts ?? DatasetFacts.Known)(dataset);
        var preset = ExpandPreset(root, known, errors);
        foreach (var change in changes.Where(change => change.AddressesLayers))
            SpecOverrides.Apply(root, change, errors);

        var layers = new LayerReader(errors);
        var spec = RunSpecSections.Run(map, dataset ?? new DatasetSpec(DefaultDataset), preset,
            layers, errors);
        RunSpecChecks.Whole(spec, map, errors);
        if (errors.Count == 0 && known is not null)
            RunSpecChecks.Against(known, spec, map, layers, errors);
        errors.ThrowIfAny();
        return spec;
    }

    /// <summary>
    /// Takes away the keys that are dotted paths, as overrides are: model.conv[0].filters: 32.
    /// </summary>
    private static List<SpecOverride> TakePaths(SpecNode root, SpecErrors errors)
    {
        var paths = root.Entries.Where(entry => entry.Key.AsSpan().ContainsAny(".[")).ToList();
        root.Entries.RemoveAll(paths.Contains);
        return
        [
            .. paths
                .Select(entry => SpecOverride.Of(entry.Key, entry.Value, entry.Where, errors))
                .OfType<SpecOverride>(),
        ];
    }

    private static SpecNode? ParseMap(SpecText text, SpecErrors errors)
    {
        var root = SpecYaml.Parse(text.Yaml, Positions(text.Origin), errors);
        if (root is null or { Kind: SpecNodeKind.Map })
            return root;
        if (root.IsNull)
            return SpecNode.Map(root.Where);
        errors.Add(root.Where, "",
            $"{root.Describe()}; expected a map of keys such as 'model: course-cnn'");
        return null;
    }

    private static SpecNode? ReadModelText(SpecText text, SpecErrors errors)
    {
        var root = SpecYaml.Parse(text.Yaml, Positions(text.Origin), errors);
        if (root is null)
            return null;
        if (root.Kind == SpecNodeKind.List)
        {
            var map = SpecNode.Map(root.Where);
            map.Set("layers", root, root.Where);
            return map;
        }
        if (root.Kind == SpecNodeKind.Map)
            return root.Get("model") ?? root;
        errors.Add(root.Where, "", $"{root.Describe()}; expected a model with a list of layers");
        return null;
    }

    /// <summary>
    /// Puts a preset's layers into the tree, where overrides can reach them as if the user had
    /// written them. Returns the preset's name, which is empty for a network of one's own.
    /// </summary>
    private static string ExpandPreset(SpecNode root, DatasetFacts? facts, SpecErrors errors)
    {
        var model = root.Get("model");
        if (model is { Kind: SpecNodeKind.List })
        {
            var own = SpecNode.Map(model.Where);
            own.Set("layers", model, model.Where);
            root.Set("model", own, model.Where);
            return "";
        }
        var map = SpecMap.Of(model, "model", errors, root.Where, "preset");
        var isOwn = map.Has("layers");
        if (isOwn && map.Has("preset"))
            map.Refuse("preset", "a preset and layers; expected one of the two");
        if (isOwn)
            return "";
        var name = map.Text("preset") ?? DefaultModel;
        var preset = ModelPresets.Get(name, facts?.Image);
        if (preset is null)
        {
            map.Refuse("preset", $"unknown model '{name}'; "
                + SpecErrors.KnownWords(name, ModelPresets.Names));
        }
        preset ??= ModelPresets.Get(DefaultModel, facts?.Image)!;
        var where = $"model {preset.Name}";
        var expanded = SpecYaml.Parse(
            RunSpecWriter.WriteModel(preset), (_, _) => where, errors)!.Get("model")!;
        // What else the user gave for the model, such as a name, wins over the preset's.
        if (model is { Kind: SpecNodeKind.Map })
        {
            foreach (var entry in model.Entries.Where(entry => entry.Key != "preset"))
                expanded.Set(entry.Key, entry.Value, entry.Where);
        }
        root.Set("model", expanded, where);
        return preset.Name;
    }

    private static Func<long, long, string> Positions(string origin) =>
        (line, column) => $"{origin}:{line}:{column}";
}
