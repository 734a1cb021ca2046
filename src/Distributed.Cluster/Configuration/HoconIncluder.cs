namespace Distributed.Cluster.Configuration;

/// <summary>
/// Finds and reads included files. <paramref name="readFile"/> answers a file's text, or null where
/// there is no such file; this layer opens nothing itself.
/// </summary>
internal sealed class HoconIncluder(Func<string, string?> readFile)
{
    /// <summary>A chain of includes longer than this is taken for one without an end.</summary>
    public const int DepthMax = 20;

    /// <summary>How many files one configuration may be made of.</summary>
    public const int FilesMax = 1000;

    // A name without extension stands for all of these; later ones override earlier ones.
    private static readonly string[] extensions = [".properties", ".json", ".conf", ".hocon"];

    private readonly List<string> open = [];
    private int filesRead;

    /// <summary>How many levels are open, over all the files that are being parsed.</summary>
    public int Nesting { get; set; }

    /// <summary>Whether the file being parsed is included within an element of a list.</summary>
    public bool IsWithinList { get; private set; }

    /// <summary>The syntax of a file and of all that it includes.</summary>
    public HoconSyntax ReadRoot(string text, string source)
    {
        open.Add(source);
        var root = HoconParser.Parse(text, source, this, []);
        open.RemoveAt(open.Count - 1);
        return root;
    }

    /// <summary>
    /// The fields of an included file. <paramref name="wrapper"/> is what stood before the name,
    /// such as <c>required(file(</c>; a missing file gives no fields unless it is required.
    /// </summary>
    public ObjectSyntax Read(
        HoconToken name, string wrapper, IReadOnlyList<string[]> includedAt)
    {
        if (name.Text.Contains("://", StringComparison.Ordinal))
        {
            throw new HoconException(
                name.Origin, $"include of the URL {name.Text}", "the name of a file");
        }
        var path = wrapper.Contains("file(", StringComparison.Ordinal)
            ? name.Text : Beside(name.Origin.Source, name.Text);
        var result = new ObjectSyntax(name.Origin);
        var found = false;
        foreach (var candidate in Candidates(path))
        {
            if (ReadText(candidate, name) is { } text)
            {
                result.Include(ParseIncluded(text, candidate, name, includedAt));
                found = true;
            }
        }
        if (!found && wrapper.StartsWith("required(", StringComparison.Ordinal))
        {
            throw new HoconException(
                name.Origin, $"the required file {path} does not exist", "a file of that name");
        }
        return result;
    }

    /// <summary>
    /// As <see cref="Read"/>, for an include within an element of a list: a substitution in that
    /// file could not be looked up where it was meant, so it is an error.
    /// </summary>
    public ObjectSyntax ReadWithoutSubstitutions(HoconToken name, string wrapper)
    {
        var before = IsWithinList;
        IsWithinList = true;
        var result = Read(name, wrapper, []);
        IsWithinList = before;
        return result;
    }

    private ObjectSyntax ParseIncluded(
        string text, string path, HoconToken name, IReadOnlyList<string[]> includedAt)
    {
        if (open.Contains(path) || open.Count >= DepthMax)
        {
            throw new HoconException(
                name.Origin, $"{path} includes itself: {string.Join(" -> ", open)} -> {path}",
                "includes without a cycle");
        }
        if (++filesRead > FilesMax)
        {
            throw new HoconException(
                name.Origin, "too many included files", $"{FilesMax} at most");
        }
        if (path.EndsWith(".properties", StringComparison.Ordinal))
        {
            return HoconProperties.Parse(text, path);
        }
        open.Add(path);
        var root = HoconParser.Parse(text, path, this, includedAt);
        open.RemoveAt(open.Count - 1);
        if (IsWithinList && FirstSubstitution(root) is { } substitution)
        {
            throw new HoconException(
                substitution.Origin,
                $"{substitution.Render()} in a file that is included within a list",
                "a file without substitutions, or the include outside of the list");
        }
        return root as ObjectSyntax ?? throw new HoconException(
            root.Origin, $"the included file {path} holds a list", "an object");
    }

    private string? ReadText(string path, HoconToken name)
    {
        try
        {
            return readFile(path);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HoconException(
                name.Origin, $"cannot read {path}: {exception.Message}", "a readable file",
                exception);
        }
    }

    private static IEnumerable<string> Candidates(string path) =>
        extensions.Any(extension => path.EndsWith(extension, StringComparison.Ordinal))
            ? [path]
            : extensions.Select(extension => path + extension).Prepend(path);

    // An included name is relative to the file that includes it, never to the current folder.
    private static string Beside(string includingFile, string name)
    {
        var slash = includingFile.LastIndexOf('/');
        return name.StartsWith('/') || slash < 0 ? name : includingFile[..(slash + 1)] + name;
    }

    private static SubstitutionSyntax? FirstSubstitution(HoconSyntax syntax) => syntax switch
    {
        SubstitutionSyntax substitution => substitution,
        ListSyntax list => First(list.Elements),
        ConcatenationSyntax concatenation => First(concatenation.Parts),
        ObjectSyntax fields => First(fields.Fields.Values.SelectMany(values => values)),
        _ => null,
    };

    private static SubstitutionSyntax? First(IEnumerable<HoconSyntax> syntaxes) =>
        syntaxes.Select(FirstSubstitution).FirstOrDefault(found => found is not null);
}
