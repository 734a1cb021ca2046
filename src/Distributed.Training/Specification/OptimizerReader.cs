using Distributed.Torch;

namespace Distributed.Training.Specification;

/// <summary>Reads the optimizer's section of a run spec.</summary>
internal static class OptimizerReader
{
    public static OptimizerSpec Read(SpecMap root, OptimizerSpec preset, SpecErrors errors)
    {
        var map = SpecMap.Of(
            root.Take("optimizer"), "optimizer", errors, root.Where, "kind");
        var kind = map.Word("kind", preset.Kind);
        // A preset's rate is tuned for its own optimizer and says nothing about another.
        var optimizer = kind == preset.Kind ? preset : OptimizerSpec.DefaultOf(kind);
        optimizer = optimizer with
        {
            LearningRate = map.Double("learningRate", optimizer.LearningRate, SpecRange.Positive),
            WeightDecay = map.Double("weightDecay", optimizer.WeightDecay, SpecRange.NotNegative),
        };
        optimizer = HasMomentum(kind) ? Momentum(map, optimizer) : Betas(map, optimizer);
        optimizer = optimizer with
        {
            Groups = Groups(map, optimizer, errors),
            Lookahead = Lookahead(map, optimizer.Lookahead, errors),
        };
        map.RefuseUnknown(key => OfAnotherKind(key, kind));
        return optimizer;
    }

    private static string? OfAnotherKind(string key, OptimizerKind kind) =>
        key is "momentum" or "nesterov" or "newtonSchulzSteps" or "beta1" or "beta2" or "epsilon"
            ? $"{SpecWords.Of(kind)} has no such setting; remove it or choose another kind"
            : null;

    private static bool HasMomentum(OptimizerKind kind) =>
        kind is OptimizerKind.Sgd or OptimizerKind.Muon;

    private static OptimizerSpec Momentum(SpecMap map, OptimizerSpec optimizer)
    {
        optimizer = optimizer with
        {
            Momentum = map.Double("momentum", optimizer.Momentum, SpecRange.BelowOne),
            Nesterov = map.Bool("nesterov", optimizer.Nesterov),
        };
        if (optimizer is { Nesterov: true, Momentum: 0 })
            map.Refuse("nesterov", "true without momentum; expected a momentum above 0");
        return optimizer.Kind == OptimizerKind.Muon
            ? optimizer with
            {
                NewtonSchulzSteps = map.Int32(
                    "newtonSchulzSteps", optimizer.NewtonSchulzSteps, 1, 100),
            }
            : optimizer;
    }

    private static OptimizerSpec Betas(SpecMap map, OptimizerSpec optimizer) => optimizer with
    {
        Beta1 = map.Double("beta1", optimizer.Beta1, SpecRange.BelowOne),
        Beta2 = map.Double("beta2", optimizer.Beta2, SpecRange.BelowOne),
        Epsilon = map.Double("epsilon", optimizer.Epsilon, SpecRange.Positive),
    };

    /// <summary>`groups: none` takes a preset's away.</summary>
    private static ValueList<ParameterGroupSpec> Groups(
        SpecMap root, OptimizerSpec optimizer, SpecErrors errors)
    {
        const string section = "groups";
        var given = root.Take(section);
        if (given is { Kind: SpecNodeKind.Scalar, Text: "none" })
            return [];
        var map = SpecMap.Of(given, root.PathOf(section), errors, root.WhereOf(section));
        var groups = new List<ParameterGroupSpec>();
        foreach (var kind in Enum.GetValues<ParameterKind>())
        {
            var key = SpecWords.Of(kind);
            var isGiven = map.Has(key);
            var node = map.Take(key);
            if (!isGiven && !optimizer.Groups.Any(group => group.Parameters == kind))
                continue;
            if (optimizer.Kind == OptimizerKind.Muon && kind == ParameterKind.Filters)
            {
                map.Refuse(key, "muon's own settings are those of the filters; expected none here");
                continue;
            }
            var group = SpecMap.Of(node, map.PathOf(key), errors, map.WhereOf(key), "rateFactor");
            groups.Add(Group(group, optimizer.GroupOf(kind), optimizer.Kind));
        }
        map.RefuseUnknown();
        return [.. groups];
    }

    private static ParameterGroupSpec Group(
        SpecMap map, ParameterGroupSpec standard, OptimizerKind optimizer)
    {
        var group = standard with
        {
            RateFactor = map.Double("rateFactor", standard.RateFactor, SpecRange.NotNegative),
            Momentum = HasMomentum(optimizer)
                ? map.Double("momentum", standard.Momentum, SpecRange.BelowOne)
                : 0,
            WeightDecay = map.Double("weightDecay", standard.WeightDecay, SpecRange.NotNegative),
        };
        map.RefuseUnknown(key => OfAnotherKind(key, optimizer));
        return group;
    }

    /// <summary>`lookahead: none` takes a preset's away; 5 is every five steps.</summary>
    private static LookaheadSpec? Lookahead(
        SpecMap root, LookaheadSpec? preset, SpecErrors errors)
    {
        const string key = "lookahead";
        var isGiven = root.Has(key);
        var node = root.Take(key);
        if (!isGiven)
            return preset;
        if (node is { Kind: SpecNodeKind.Scalar, Text: "none" })
            return null;
        var map = SpecMap.Of(
            node, root.PathOf(key), errors, root.WhereOf(key), "everySteps");
        var standard = preset ?? LookaheadSpec.Default;
        var lookahead = new LookaheadSpec(
            map.Int32("everySteps", standard.EverySteps, 1),
            map.Double("finalDecay", standard.FinalDecay, SpecRange.BelowOne));
        map.RefuseUnknown();
        return lookahead;
    }
}
