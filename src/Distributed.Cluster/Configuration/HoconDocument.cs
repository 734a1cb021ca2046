namespace Distributed.Cluster.Configuration;

/// <summary>
/// A HOCON document under construction: a file with all it includes, and single keys laid over it,
/// resolved together so that a substitution sees every override.
/// </summary>
internal sealed class HoconDocument
{
    private readonly ObjectSyntax root;

    private HoconDocument(ObjectSyntax root) => this.root = root;

    /// <summary>A document with no key in it.</summary>
    public static HoconDocument Empty(string source) =>
        new(new ObjectSyntax(new HoconOrigin(source, 1, 1)));

    /// <summary>Parses a text whose root must be an object.</summary>
    public static HoconDocument Parse(
        string text, string source, Func<string, string?>? readFile = null)
    {
        var syntax = new HoconIncluder(readFile ?? NoFiles).ReadRoot(text, source);
        return new HoconDocument(syntax as ObjectSyntax ?? throw new HoconException(
            syntax.Origin, "the file holds a list", "an object"));
    }

    /// <summary>Parses and resolves a text whose root may be an object or a list.</summary>
    public static HoconValue ParseValue(
        string text, string source, Func<string, string?>? readFile = null,
        Func<string, string?>? readEnvironment = null)
    {
        var syntax = new HoconIncluder(readFile ?? NoFiles).ReadRoot(text, source);
        return HoconResolver.Resolve(syntax, readEnvironment ?? NoEnvironment);
    }

    /// <summary>
    /// Assigns to a key after everything in the file. A text that starts like a list, an object or
    /// a quoted string, or holds a substitution, is read as HOCON; any other is taken as it is, so
    /// that addresses and paths need no quotes.
    /// </summary>
    public void Override(IReadOnlyList<string> path, string text, string source)
    {
        string[] elements = [.. path];
        var trimmed = text.Trim();
        if (!trimmed.StartsWith('[') && !trimmed.StartsWith('{') && !trimmed.StartsWith('"')
            && !trimmed.Contains("${", StringComparison.Ordinal))
        {
            var origin = new HoconOrigin(source, 1, 1);
            root.Put(elements, new ScalarSyntax(
                new HoconScalar(origin, HoconScalarKind.Text, trimmed)));
            return;
        }
        const string holder = "value = ";
        var parsed = Parse(holder + text, source);
        foreach (var value in parsed.root.Fields["value"])
        {
            root.Put(elements, value);
        }
    }

    /// <summary>The document's values, with no substitution left in them.</summary>
    public HoconConfig Resolve(Func<string, string?>? readEnvironment = null) =>
        new((HoconObject)HoconResolver.Resolve(root, readEnvironment ?? NoEnvironment), "");

    private static string? NoFiles(string path) => null;

    private static string? NoEnvironment(string name) => null;
}
