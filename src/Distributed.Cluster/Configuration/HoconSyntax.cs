namespace Distributed.Cluster.Configuration;

/// <summary>What the parser has read, with substitutions still to be resolved.</summary>
internal abstract class HoconSyntax(HoconOrigin origin)
{
    public HoconOrigin Origin { get; } = origin;

    /// <summary>
    /// Whether this hides whatever was assigned to the same key before: a value that can be
    /// neither merged with it nor turn out to be missing.
    /// </summary>
    public virtual bool HidesEarlier => false;
}

internal sealed class ScalarSyntax(HoconScalar value) : HoconSyntax(value.Origin)
{
    public HoconScalar Value { get; } = value;

    public override bool HidesEarlier => true;
}

/// <summary>
/// The space between two parts of a concatenation: text between strings, nothing between lists or
/// objects.
/// </summary>
internal sealed class SpaceSyntax(HoconOrigin origin, string text) : HoconSyntax(origin)
{
    public string Text { get; } = text;
}

internal sealed class ListSyntax(HoconOrigin origin, IReadOnlyList<HoconSyntax> elements)
    : HoconSyntax(origin)
{
    public IReadOnlyList<HoconSyntax> Elements { get; } = elements;

    public override bool HidesEarlier => true;
}

internal sealed class ConcatenationSyntax(HoconOrigin origin, IReadOnlyList<HoconSyntax> parts)
    : HoconSyntax(origin)
{
    public IReadOnlyList<HoconSyntax> Parts { get; } = parts;
}

/// <summary>
/// <c>${path}</c> or <c>${?path}</c>. <paramref name="includedAt"/> are the paths under which the
/// files around it are included, innermost first: the path is looked up under each of them before
/// it is looked up at the root.
/// </summary>
internal sealed class SubstitutionSyntax(
    HoconOrigin origin, string[] path, bool isOptional, IReadOnlyList<string[]> includedAt)
    : HoconSyntax(origin)
{
    public string[] Path { get; } = path;

    public bool IsOptional { get; } = isOptional;

    public IReadOnlyList<string[]> IncludedAt { get; } = includedAt;

    public string Render() => $"${{{(IsOptional ? "?" : "")}{HoconPath.Render(Path)}}}";
}

/// <summary>
/// An object whose keys each hold the values assigned to them, earliest first. Nothing is thrown
/// away yet, because a later value may refer to an earlier one.
/// </summary>
internal sealed class ObjectSyntax(HoconOrigin origin) : HoconSyntax(origin)
{
    public OrderedDictionary<string, List<HoconSyntax>> Fields { get; } =
        new(StringComparer.Ordinal);

    /// <summary>Assigns to a path, making the objects on the way.</summary>
    public void Put(ReadOnlySpan<string> path, HoconSyntax value)
    {
        for (var index = path.Length - 1; index > 0; index--)
        {
            var holder = new ObjectSyntax(value.Origin);
            holder.Fields.Add(path[index], [value]);
            value = holder;
        }
        if (!Fields.TryGetValue(path[0], out var values))
        {
            Fields.Add(path[0], values = []);
        }
        if (value is ObjectSyntax added && values.Count > 0 && values[^1] is ObjectSyntax existing)
        {
            existing.Include(added);
        }
        else
        {
            values.Add(value);
        }
    }

    /// <summary>
    /// Assigns every field of another object, in order, as if it were written here.
    /// </summary>
    public void Include(ObjectSyntax other)
    {
        foreach (var (key, values) in other.Fields)
        {
            foreach (var value in values)
            {
                Put([key], value);
            }
        }
    }
}
