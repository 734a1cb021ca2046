namespace Distributed.Training.Specification;

public enum SpecNodeKind
{
    Scalar,
    List,
    Map,
}

/// <summary>
/// A node of a spec's tree that knows where it was written, be it a file, a preset or the command
/// line. Overrides change the tree before anything is read from it, so that a tree serves one
/// reading: read a <see cref="Copy"/> where it is needed again. Not for several threads.
/// </summary>
public sealed class SpecNode
{
    private SpecNode(SpecNodeKind kind, string where, string text, bool isPlain)
    {
        Kind = kind;
        Where = where;
        Text = text;
        IsPlain = isPlain;
    }

    public SpecNodeKind Kind { get; }

    /// <summary>For example run.yaml:3:5.</summary>
    public string Where { get; }

    /// <summary>A scalar's text.</summary>
    public string Text { get; }

    /// <summary>Whether a scalar was written without quotes.</summary>
    public bool IsPlain { get; }

    /// <summary>A list's items.</summary>
    public List<SpecNode> Items { get; } = [];

    /// <summary>A map's keys with their values, in the order in which they were written.</summary>
    public List<SpecEntry> Entries { get; } = [];

    /// <summary>Nothing was given: `key:`, `key: ~` or `key: null`.</summary>
    public bool IsNull =>
        Kind == SpecNodeKind.Scalar && IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    public static SpecNode Scalar(string where, string text, bool isPlain = true) =>
        new(SpecNodeKind.Scalar, where, text, isPlain);

    public static SpecNode List(string where) => new(SpecNodeKind.List, where, "", false);

    public static SpecNode Map(string where) => new(SpecNodeKind.Map, where, "", false);

    /// <summary>The value of a map's key; null where it is not there.</summary>
    public SpecNode? Get(string key) =>
        Entries.Find(entry => entry.Key == key)?.Value;

    /// <summary>Adds a key to a map, or replaces its value where it stands.</summary>
    /// <param name="isOverride">It comes from elsewhere than what is around it.</param>
    public void Set(string key, SpecNode value, string where, bool isOverride = false)
    {
        var index = Entries.FindIndex(entry => entry.Key == key);
        var changed = new SpecEntry(key, where, value, isOverride);
        if (index < 0)
            Entries.Add(changed);
        else
            Entries[index] = changed;
    }

    /// <summary>A tree of its own, with the same positions.</summary>
    public SpecNode Copy()
    {
        var copy = new SpecNode(Kind, Where, Text, IsPlain);
        copy.Items.AddRange(Items.Select(item => item.Copy()));
        copy.Entries.AddRange(Entries.Select(entry => entry with { Value = entry.Value.Copy() }));
        return copy;
    }

    /// <summary>What a user calls this kind of node in a message.</summary>
    public string Describe() => Kind switch
    {
        SpecNodeKind.Map => "a map of keys",
        SpecNodeKind.List => "a list",
        _ when IsNull => "nothing",
        _ => $"'{Text}'",
    };
}

/// <summary>A key of a map, where it was written, and its value.</summary>
/// <param name="IsOverride">It was put there after the map had been read.</param>
public sealed record SpecEntry(
    string Key, string Where, SpecNode Value, bool IsOverride = false);
