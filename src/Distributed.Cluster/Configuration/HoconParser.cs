namespace Distributed.Cluster.Configuration;

/// <summary>
/// Reads one file's tokens into syntax. Includes are read on the way, so the result is the whole
/// tree with its substitutions unresolved.
/// </summary>
internal sealed class HoconParser
{
    /// <summary>How deep objects, lists and dotted keys may nest, together.</summary>
    public const int NestingMax = 200;

    private readonly IReadOnlyList<HoconToken> tokens;
    private readonly HoconIncluder includer;
    private readonly IReadOnlyList<string[]> includedAt;
    private readonly List<string> pathHere;
    private int position;

    // An element of a list has no path, so nothing in it can be referred to.
    private int listsAround;

    private HoconParser(
        IReadOnlyList<HoconToken> tokens, HoconIncluder includer,
        IReadOnlyList<string[]> includedAt)
    {
        this.tokens = tokens;
        this.includer = includer;
        this.includedAt = includedAt;
        pathHere = includedAt.Count > 0 ? [.. includedAt[0]] : [];
        listsAround = includer.IsWithinList ? 1 : 0;
    }

    /// <summary>
    /// The root of a file: an <see cref="ObjectSyntax"/>, or a list where the text starts with one.
    /// <paramref name="includedAt"/> are the paths of the objects that include this file, innermost
    /// first; empty for the file that the caller named.
    /// </summary>
    public static HoconSyntax Parse(
        string text, string source, HoconIncluder includer, IReadOnlyList<string[]> includedAt)
    {
        var tokens = HoconTokenizer.Tokenize(text, source);
        return new HoconParser(tokens, includer, includedAt).ReadRoot();
    }

    private HoconToken Current => tokens[position];

    private HoconSyntax ReadRoot()
    {
        SkipSpaceAndLines();
        HoconSyntax root;
        switch (Current.Kind)
        {
            case HoconTokenKind.ObjectStart:
                root = ReadObject();
                break;
            case HoconTokenKind.ListStart:
                root = ReadList();
                break;
            default:
                var braceless = new ObjectSyntax(Current.Origin);
                ReadFields(braceless, HoconTokenKind.End);
                root = braceless;
                break;
        }
        SkipSpaceAndLines();
        return Current.Kind == HoconTokenKind.End ? root : throw Unexpected("the end of the file");
    }

    private ObjectSyntax ReadObject()
    {
        var result = new ObjectSyntax(Current.Origin);
        Enter(1);
        position++;
        ReadFields(result, HoconTokenKind.ObjectEnd);
        position++;
        includer.Nesting--;
        return result;
    }

    // Stops on the end token.
    private void ReadFields(ObjectSyntax target, HoconTokenKind end)
    {
        SkipSpaceAndLines();
        while (Current.Kind != end)
        {
            if (!StartsKey(Current.Kind))
            {
                throw Unexpected(end == HoconTokenKind.End ? "a key" : "a key or '}'");
            }
            if (Current is { Kind: HoconTokenKind.Unquoted, Text: "include" })
            {
                ReadInclude(target);
            }
            else
            {
                ReadField(target);
            }
            SkipSeparator(end, end == HoconTokenKind.End ? "the end of the file" : "'}'");
        }
    }

    private static bool StartsKey(HoconTokenKind kind) =>
        kind is HoconTokenKind.Unquoted or HoconTokenKind.Quoted;

    private void ReadField(ObjectSyntax target)
    {
        var keyOrigin = Current.Origin;
        var path = HoconPath.FromTokens(TakePathTokens(), keyOrigin);
        SkipSpaceAndLines();
        var separator = Current;
        if (separator.Kind is HoconTokenKind.Colon or HoconTokenKind.Equals
            or HoconTokenKind.PlusEquals)
        {
            position++;
            SkipSpaceAndLines();
        }
        else if (separator.Kind != HoconTokenKind.ObjectStart)
        {
            throw Unexpected($"'=', ':', '+=' or '{{' after the key {HoconPath.Render(path)}");
        }
        Enter(path.Length);
        pathHere.AddRange(path);
        var isAppend = separator.Kind == HoconTokenKind.PlusEquals;
        target.Put(path, isAppend ? ReadAppended(separator.Origin) : ReadValue());
        pathHere.RemoveRange(pathHere.Count - path.Length, path.Length);
        includer.Nesting -= path.Length;
    }

    // `a += b` stands for `a = ${?a} [b]`.
    private ConcatenationSyntax ReadAppended(HoconOrigin origin)
    {
        if (listsAround > 0)
        {
            throw new HoconException(
                origin, "'+=' within an element of a list, which has no path to refer to",
                "'=' and the whole list");
        }
        var earlier = new SubstitutionSyntax(origin, [.. pathHere], isOptional: true, []);
        listsAround++;
        var added = ReadValue();
        listsAround--;
        return new ConcatenationSyntax(origin, [earlier, new ListSyntax(added.Origin, [added])]);
    }

    private ListSyntax ReadList()
    {
        var origin = Current.Origin;
        Enter(1);
        listsAround++;
        position++;
        var elements = new List<HoconSyntax>();
        SkipSpaceAndLines();
        while (Current.Kind != HoconTokenKind.ListEnd)
        {
            elements.Add(ReadValue());
            SkipSeparator(HoconTokenKind.ListEnd, "']'");
        }
        position++;
        listsAround--;
        includer.Nesting--;
        return new ListSyntax(origin, elements);
    }

    // A comma, one or more newlines, or both; nothing before the end token.
    private void SkipSeparator(HoconTokenKind end, string endName)
    {
        var lineBefore = SkipSpaceAndLines();
        if (Current.Kind == HoconTokenKind.Comma)
        {
            position++;
            SkipSpaceAndLines();
            if (Current.Kind == HoconTokenKind.Comma)
            {
                throw Unexpected($"one comma only, then a value, a key or {endName}");
            }
        }
        else if (!lineBefore && Current.Kind != end)
        {
            throw Unexpected($"a comma, a new line or {endName}");
        }
    }

    // One value, or several on the same line that are to be joined.
    private HoconSyntax ReadValue()
    {
        var parts = new List<HoconSyntax>();
        HoconToken? space = null;
        while (ReadPart() is { } part)
        {
            if (space is { } between)
            {
                parts.Add(new SpaceSyntax(between.Origin, between.Text));
            }
            parts.Add(part);
            space = null;
            if (Current.Kind == HoconTokenKind.Whitespace)
            {
                space = Current;
                position++;
            }
        }
        return parts.Count switch
        {
            0 => throw Unexpected("a value"),
            1 => parts[0],
            _ => new ConcatenationSyntax(parts[0].Origin, parts),
        };
    }

    private HoconSyntax? ReadPart()
    {
        switch (Current.Kind)
        {
            case HoconTokenKind.ObjectStart:
                return ReadObject();
            case HoconTokenKind.ListStart:
                return ReadList();
            case HoconTokenKind.SubstitutionStart or HoconTokenKind.OptionalSubstitutionStart:
                return ReadSubstitution();
            case HoconTokenKind.Quoted or HoconTokenKind.Unquoted:
                var token = Current;
                position++;
                return new ScalarSyntax(new HoconScalar(token.Origin, KindOf(token), token.Text));
            default:
                return null;
        }
    }

    private static HoconScalarKind KindOf(HoconToken token)
    {
        if (token.Kind == HoconTokenKind.Quoted)
        {
            return HoconScalarKind.Text;
        }
        return token.Text switch
        {
            "true" or "false" => HoconScalarKind.Boolean,
            "null" => HoconScalarKind.Null,
            var text => HoconNumber.IsJson(text) ? HoconScalarKind.Number : HoconScalarKind.Text,
        };
    }

    private SubstitutionSyntax ReadSubstitution()
    {
        var start = Current;
        position++;
        var words = TakePathTokens();
        if (Current.Kind != HoconTokenKind.ObjectEnd)
        {
            throw Unexpected($"'}}' to end the substitution opened by '{start.Text}'");
        }
        position++;
        var path = HoconPath.FromTokens(words, start.Origin);
        var isOptional = start.Kind == HoconTokenKind.OptionalSubstitutionStart;
        return new SubstitutionSyntax(start.Origin, path, isOptional, includedAt);
    }

    private List<HoconToken> TakePathTokens()
    {
        var words = new List<HoconToken>();
        while (HoconPath.IsPart(Current.Kind))
        {
            words.Add(Current);
            position++;
        }
        return words;
    }

    // include "name" | include file("name") | include required(either of them)
    private void ReadInclude(ObjectSyntax target)
    {
        var origin = Current.Origin;
        position++;
        SkipSpaceAndLines();
        var wrapper = TakeWords();
        if (Current.Kind != HoconTokenKind.Quoted)
        {
            throw Unexpected("the file's name in double quotes after include "
                + "(to use include as a key, put it in double quotes)");
        }
        var name = Current;
        position++;
        var closing = wrapper.Length > 0 ? TakeWords() : "";
        if (wrapper is not ("" or "file(" or "required(" or "required(file(")
            || closing != new string(')', wrapper.Count(character => character == '(')))
        {
            throw new HoconException(
                origin, $"include {wrapper}\"{name.Text}\"{closing}",
                "\"name\", file(\"name\"), required(\"name\") or required(file(\"name\"))");
        }
        if (listsAround > 0)
        {
            // No path leads here, so what the file says about itself cannot be looked up.
            target.Include(includer.ReadWithoutSubstitutions(name, wrapper));
            return;
        }
        string[] here = [.. pathHere];
        target.Include(includer.Read(name, wrapper, [here, .. includedAt]));
    }

    private string TakeWords()
    {
        var words = "";
        while (Current.Kind is HoconTokenKind.Unquoted or HoconTokenKind.Whitespace)
        {
            words += Current.Kind == HoconTokenKind.Unquoted ? Current.Text : "";
            position++;
        }
        return words;
    }

    private bool SkipSpaceAndLines()
    {
        var lines = false;
        while (Current.Kind is HoconTokenKind.Whitespace or HoconTokenKind.Newline)
        {
            lines |= Current.Kind == HoconTokenKind.Newline;
            position++;
        }
        return lines;
    }

    private void Enter(int levels)
    {
        includer.Nesting += levels;
        if (includer.Nesting > NestingMax)
        {
            throw new HoconException(
                Current.Origin, "objects, lists and dotted keys nest too deeply",
                $"{NestingMax} levels at most");
        }
    }

    private HoconException Unexpected(string expected) =>
        new(Current.Origin, $"found {Current.Describe()}", expected);
}
