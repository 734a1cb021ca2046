namespace Distributed.Cluster.Configuration;

/// <summary>What a single value is, before anybody asks for a conversion.</summary>
public enum HoconScalarKind
{
    Null,
    Boolean,
    Number,
    Text,
}

/// <summary>A resolved value: no substitution is left in it, and it never changes.</summary>
public abstract class HoconValue
{
    private protected HoconValue(HoconOrigin origin) => Origin = origin;

    /// <summary>Where the value, or the last part that made it, was written.</summary>
    public HoconOrigin Origin { get; }

    /// <summary>How an error message names this kind of value, such as "a list".</summary>
    public abstract string KindName { get; }
}

/// <summary>A null, boolean, number or string, with its text as it was written.</summary>
public sealed class HoconScalar : HoconValue
{
    public HoconScalar(HoconOrigin origin, HoconScalarKind kind, string text)
        : base(origin)
    {
        Kind = kind;
        Text = text;
    }

    public HoconScalarKind Kind { get; }

    /// <summary>A string's content, or the number or word as the file has it.</summary>
    public string Text { get; }

    public override string KindName => Kind switch
    {
        HoconScalarKind.Null => "null",
        HoconScalarKind.Boolean => "a boolean",
        HoconScalarKind.Number => "a number",
        _ => "a string",
    };
}

/// <summary>A list of values.</summary>
public sealed class HoconList : HoconValue
{
    public HoconList(HoconOrigin origin, IReadOnlyList<HoconValue> elements)
        : base(origin) => Elements = elements;

    public IReadOnlyList<HoconValue> Elements { get; }

    public override string KindName => "a list";
}

/// <summary>An object; its fields keep the order in which their keys were first written.</summary>
public sealed class HoconObject : HoconValue
{
    public HoconObject(HoconOrigin origin, OrderedDictionary<string, HoconValue> fields)
        : base(origin) => Fields = fields;

    public IReadOnlyDictionary<string, HoconValue> Fields { get; }

    public override string KindName => "an object";
}
