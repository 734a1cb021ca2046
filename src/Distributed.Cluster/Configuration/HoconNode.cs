using System.Runtime.CompilerServices;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// A value of which only the outermost shape is known: its fields or elements are resolved when
/// somebody asks for them. That is what lets an object refer to its own fields.
/// </summary>
internal abstract class HoconNode(HoconOrigin origin)
{
    public HoconOrigin Origin { get; } = origin;

    /// <summary>
    /// The finished value, once it has been asked for; shared by all who refer to it.
    /// </summary>
    public HoconValue? Finished { get; set; }

    /// <summary>
    /// Set while the finished value is being made: whoever meets it has met a cycle.
    /// </summary>
    public bool IsFinishing { get; set; }
}

internal sealed class ScalarNode(HoconScalar value) : HoconNode(value.Origin)
{
    public HoconScalar Value { get; } = value;
}

internal sealed class ListNode(HoconOrigin origin, IReadOnlyList<HoconField> elements)
    : HoconNode(origin)
{
    public IReadOnlyList<HoconField> Elements { get; } = elements;
}

internal abstract class ObjectNode(HoconOrigin origin) : HoconNode(origin)
{
    public abstract IReadOnlyList<string> Keys { get; }

    public abstract HoconField? Get(string key);
}

/// <summary>An object as the file has it.</summary>
internal sealed class LiteralObjectNode : ObjectNode
{
    private readonly OrderedDictionary<string, HoconField> fields = new(StringComparer.Ordinal);

    public LiteralObjectNode(ObjectSyntax syntax)
        : base(syntax.Origin)
    {
        foreach (var (key, values) in syntax.Fields)
        {
            fields.Add(key, new HoconField([.. values.Select(HoconLayer.Of)]));
        }
    }

    public override IReadOnlyList<string> Keys => fields.Keys;

    public override HoconField? Get(string key) => fields.GetValueOrDefault(key);
}

/// <summary>
/// An object over what its key held before, or over the part to its left. What lies below is asked
/// for as late as possible: a field that hides it never needs it. What comes of it is remembered
/// unless <paramref name="mayRemember"/> says that a cycle hides a part of it just now.
/// <paramref name="isWrittenHere"/> is false for an object that came through a substitution.
/// </summary>
internal sealed class MergedObjectNode(
    ObjectNode upper, bool isWrittenHere, Func<ObjectNode?> lower, Func<bool> mayRemember)
    : ObjectNode(upper.Origin)
{
    private IReadOnlyList<string>? allKeys;
    private readonly Dictionary<string, HoconField?> merged = new(StringComparer.Ordinal);

    public override IReadOnlyList<string> Keys
    {
        get
        {
            CheckStack();
            var keys = allKeys
                ?? [.. (lower()?.Keys ?? []).Union(upper.Keys, StringComparer.Ordinal)];
            allKeys = mayRemember() ? keys : null;
            return keys;
        }
    }

    public override HoconField? Get(string key)
    {
        if (merged.TryGetValue(key, out var known))
        {
            return known;
        }
        CheckStack();
        var own = upper.Get(key);
        var field = own is { HidesEarlier: true } ? own : Merge(lower()?.Get(key), own);
        if (mayRemember())
        {
            merged.Add(key, field);
        }
        return field;
    }

    // A file may lay any number of objects over one another, each a call deeper.
    private void CheckStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new HoconException(
                Origin, "too many objects are laid over one another", "fewer references");
        }
    }

    private HoconField? Merge(HoconField? below, HoconField? own)
    {
        if (below is null || own is null || ReferenceEquals(below, own))
        {
            return own ?? below;
        }
        // A field written here may look back at what lies below it, so its layers are put on top.
        // One that came through a substitution looks back where it was written: it stays whole.
        return isWrittenHere
            ? new HoconField([HoconLayer.Of(below), .. own.Layers])
            : new HoconField([HoconLayer.Of(below), HoconLayer.Of(own)]);
    }
}

/// <summary>One of the values assigned to a field: as written, or another field's value.</summary>
internal readonly record struct HoconLayer(HoconSyntax? Syntax, HoconField? Field)
{
    public static HoconLayer Of(HoconSyntax syntax) => new(syntax, null);

    public static HoconLayer Of(HoconField field) => new(null, field);
}

/// <summary>
/// A field or an element of a list: the values assigned to it, earliest first, and what they came
/// to so far.
/// </summary>
internal sealed class HoconField(HoconLayer[] layers)
{
    private readonly HoconNode?[] values = new HoconNode?[layers.Length];
    private readonly bool[] isKnown = new bool[layers.Length];

    public HoconLayer[] Layers { get; } = layers;

    public int Top => Layers.Length - 1;

    /// <summary>The lowest layer that is being resolved right now; -1 for none.</summary>
    public int Resolving { get; set; } = -1;

    public bool HidesEarlier => Layers[Top].Syntax is { HidesEarlier: true };

    public bool TryRecall(int layer, out HoconNode? value)
    {
        value = values[layer];
        return isKnown[layer];
    }

    public void Remember(int layer, HoconNode? value)
    {
        values[layer] = value;
        isKnown[layer] = true;
    }
}
