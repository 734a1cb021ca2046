namespace Distributed.Training.Specification;

internal enum SpecNodeKind
{
    Scalar,
    List,
    Map,
}

/// <summary>
/// A node of a spec's tree that knows where it was written, be it a file, a preset or the command
/// line. Overrides change the tree before anything is read from it.
/// </summary>
internal sealed class SpecNode
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

    public List<SpecNode> Items { get; } = [];

    public List<SpecEntry> Entries { get; } = [];

    /// <summary>Nothing was given: `key:`, `key: ~` or `key: null`.</summary>
    public bool IsNull =>
        Kind == SpecNodeKind.Scalar && IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    public static SpecNode Scalar(string where, string text, bool isPlain = true) =>
        new(SpecNodeKind.Scalar, where, text, isPlain);

    public static SpecNode List(string where) => new(SpecNodeKind.List, where, "", false);

    public static SpecNode Map(string where) => new(SpecNodeKind.Map, where, "", false);

    public SpecNode? Get(string key) =>
        Entries.Find(entry => entry.Key == key)?.Value;

    public void Set(string key, SpecNode value, string where)
    {
        var index = Entries.FindIndex(entry => entry.Key == key);
        var changed = new SpecEntry(key, where, value);
        if (index < 0)
            Entries.Add(changed);
        else
            Entries[index] = changed;
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

internal sealed record SpecEntry(string Key, string Where, SpecNode Value);
