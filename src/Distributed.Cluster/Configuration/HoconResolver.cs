using System.Runtime.CompilerServices;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Turns syntax into values. A substitution takes the final value at its path; where that value is
/// being resolved itself, it looks back at what the path held before that value was assigned. If
/// there was nothing before, the substitution is missing, which is an error unless it is optional.
/// </summary>
internal sealed class HoconResolver
{
    /// <summary>
    /// How many values may wait for one another. It bounds chains of references, which a file can
    /// make as long as it likes.
    /// </summary>
    public const int DepthMax = 400;

    /// <summary>How many values a resolved document may hold.</summary>
    public const int ValuesMax = 1 << 18;

    private readonly HoconField root;
    private readonly Func<string, string?> readEnvironment;
    private readonly HoconConcatenation concatenation;
    private int depth;
    private int finished;

    private HoconResolver(HoconSyntax syntax, Func<string, string?> readEnvironment)
    {
        root = new HoconField([HoconLayer.Of(syntax)]);
        this.readEnvironment = readEnvironment;
        concatenation = new HoconConcatenation(ValueOf);
    }

    /// <summary>The value of a whole document, with nothing left to resolve in it.</summary>
    public static HoconValue Resolve(HoconSyntax syntax, Func<string, string?> readEnvironment)
    {
        var resolver = new HoconResolver(syntax, readEnvironment);
        return resolver.Finish(resolver.root)!;
    }

    // The value that the first layers of a field make, up to and with this one; null if undefined.
    private HoconNode? ValueAt(HoconField field, int layer)
    {
        if (layer < 0)
        {
            return null;
        }
        if (field.TryRecall(layer, out var known))
        {
            return known;
        }
        if (field.Resolving >= 0 && layer >= field.Resolving)
        {
            return ValueAt(field, field.Resolving - 1);
        }
        var before = field.Resolving;
        field.Resolving = layer;
        Deepen(field);
        var value = Evaluate(field, layer);
        depth--;
        field.Resolving = before;
        field.Remember(layer, value);
        return value;
    }

    private HoconNode? ValueOf(HoconField field) => ValueAt(field, field.Top);

    private HoconNode? Evaluate(HoconField field, int layer)
    {
        var (syntax, other) = field.Layers[layer];
        if (syntax is { HidesEarlier: true })
        {
            return NodeOf(syntax);
        }
        var value = other is not null ? ValueOf(other) : NodeOf(syntax!);
        if (value is null)
        {
            return ValueAt(field, layer - 1);
        }
        if (value is not ObjectNode upper || layer == 0)
        {
            return value;
        }
        return new MergedObjectNode(
            upper,
            syntax is ObjectSyntax,
            () => other is not null && IsClosed(other)
                ? null : ValueAt(field, layer - 1) as ObjectNode,
            () => field.Resolving < 0);
    }

    // Whether a field's object lies on a value that is no object, and so hides all that is below.
    private bool IsClosed(HoconField field)
    {
        for (var layer = field.Top; layer >= 0; layer--)
        {
            if (layer < field.Top && ValueAt(field, layer) is ScalarNode or ListNode)
            {
                return true;
            }
            if (field.Layers[layer].Field is { } other && IsClosed(other))
            {
                return true;
            }
        }
        return false;
    }

    private HoconNode? NodeOf(HoconSyntax syntax) => syntax switch
    {
        ScalarSyntax scalar => new ScalarNode(scalar.Value),
        ListSyntax list => new ListNode(
            list.Origin,
            [.. list.Elements.Select(element => new HoconField([HoconLayer.Of(element)]))]),
        ObjectSyntax fields => new LiteralObjectNode(fields),
        SubstitutionSyntax substitution => Substitute(substitution),
        ConcatenationSyntax parts => concatenation.Join(
            parts.Origin,
            [.. parts.Parts.Select(part => (part, part is SpaceSyntax ? null : NodeOf(part)))]),
        _ => throw new InvalidOperationException($"{syntax.GetType().Name} is no value"),
    };

    private HoconNode? Substitute(SubstitutionSyntax substitution)
    {
        var metItself = false;
        foreach (var prefix in substitution.IncludedAt)
        {
            if (prefix.Length > 0
                && Find([.. prefix, .. substitution.Path], ref metItself) is { } relative)
            {
                return relative;
            }
        }
        if (Find(substitution.Path, ref metItself) is { } found)
        {
            return found;
        }
        if (readEnvironment(string.Join('.', substitution.Path)) is { } text)
        {
            return new ScalarNode(
                new HoconScalar(substitution.Origin, HoconScalarKind.Text, text));
        }
        if (substitution.IsOptional)
        {
            return null;
        }
        throw metItself
            ? new HoconException(
                substitution.Origin, $"{substitution.Render()} refers to itself (a cycle)",
                "a value assigned earlier, or a reference to another key")
            : new HoconException(
                substitution.Origin,
                $"{substitution.Render()} is neither a key nor an environment variable",
                "an existing key, or ${?…} for one that may be missing");
    }

    private HoconNode? Find(ReadOnlySpan<string> path, ref bool metItself)
    {
        var value = ValueOf(root);
        foreach (var key in path)
        {
            if (value is not ObjectNode holder || holder.Get(key) is not { } field)
            {
                return null;
            }
            metItself |= field.Resolving >= 0;
            value = field.Resolving >= 0
                ? ValueAt(field, field.Resolving - 1) : ValueOf(field);
        }
        return value;
    }

    private HoconValue? Finish(HoconField field)
    {
        if (++finished > ValuesMax)
        {
            throw new HoconException(
                OriginOf(field), "the configuration is too large with its references resolved",
                $"{ValuesMax} values at most");
        }
        var node = ValueOf(field);
        if (node is null or ScalarNode)
        {
            return (node as ScalarNode)?.Value;
        }
        if (node.IsFinishing)
        {
            if (field.Layers[field.Top].Syntax is SubstitutionSyntax { IsOptional: true })
            {
                return null;
            }
            throw new HoconException(
                OriginOf(field), "a value contains itself (a cycle)",
                "a reference to something outside of it");
        }
        if (node.Finished is null)
        {
            node.IsFinishing = true;
            Deepen(field);
            node.Finished = node is ListNode list
                ? FinishList(list) : FinishObject((ObjectNode)node);
            depth--;
            node.IsFinishing = false;
        }
        return node.Finished;
    }

    private HoconList FinishList(ListNode list) =>
        new(list.Origin, [.. list.Elements.Select(Finish).OfType<HoconValue>()]);

    private HoconObject FinishObject(ObjectNode node)
    {
        var fields = new OrderedDictionary<string, HoconValue>(StringComparer.Ordinal);
        foreach (var key in node.Keys)
        {
            if (node.Get(key) is { } field && Finish(field) is { } value)
            {
                fields.Add(key, value);
            }
        }
        return new HoconObject(node.Origin, fields);
    }

    private void Deepen(HoconField field)
    {
        if (++depth > DepthMax || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new HoconException(
                OriginOf(field), "values refer to one another in too long a chain, or in a cycle",
                $"{DepthMax} references at most");
        }
    }

    private static HoconOrigin OriginOf(HoconField field)
    {
        while (field.Layers[field.Top].Field is { } other)
        {
            field = other;
        }
        return field.Layers[field.Top].Syntax!.Origin;
    }
}
