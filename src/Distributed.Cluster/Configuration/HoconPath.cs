using System.Text;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Path expressions: the dotted keys of fields and substitutions, where quotes protect a dot.
/// </summary>
internal static class HoconPath
{
    /// <summary>A bound that no hand-written path comes near; it keeps nesting finite.</summary>
    public const int ElementsMax = 100;

    /// <summary>
    /// The elements of the path that the tokens (words, strings and the space between) write.
    /// </summary>
    public static string[] FromTokens(IReadOnlyList<HoconToken> tokens, HoconOrigin origin)
    {
        var first = 0;
        var last = tokens.Count - 1;
        while (first <= last && tokens[first].Kind == HoconTokenKind.Whitespace)
        {
            first++;
        }
        while (last >= first && tokens[last].Kind == HoconTokenKind.Whitespace)
        {
            last--;
        }
        var elements = new List<string>();
        var element = new StringBuilder();
        var isQuoted = false;
        for (var index = first; index <= last; index++)
        {
            var token = tokens[index];
            if (token.Kind == HoconTokenKind.Quoted)
            {
                element.Append(token.Text);
                isQuoted = true;
                continue;
            }
            var parts = token.Kind == HoconTokenKind.Unquoted
                ? token.Text.Split('.') : [token.Text];
            element.Append(parts[0]);
            foreach (var part in parts.AsSpan(1))
            {
                Complete(elements, element, isQuoted, token.Origin);
                element.Append(part);
                isQuoted = false;
            }
        }
        Complete(elements, element, isQuoted, origin);
        return [.. elements];
    }

    /// <summary>
    /// The elements of a path given as text, as in <c>--set</c> or a getter's key.
    /// </summary>
    public static string[] Parse(string text, string source)
    {
        var tokens = HoconTokenizer.Tokenize(text, source);
        var words = tokens.Take(tokens.Count - 1).ToList();
        foreach (var token in words)
        {
            if (!IsPart(token.Kind))
            {
                throw new HoconException(
                    token.Origin, $"{token.Describe()} in a key", "words separated by dots");
            }
        }
        return FromTokens(words, tokens[0].Origin);
    }

    /// <summary>Whether a token of this kind may stand in a path expression.</summary>
    public static bool IsPart(HoconTokenKind kind) =>
        kind is HoconTokenKind.Unquoted or HoconTokenKind.Quoted or HoconTokenKind.Whitespace;

    /// <summary>The path as one would write it, with quotes where they are needed.</summary>
    public static string Render(IEnumerable<string> elements) =>
        string.Join('.', elements.Select(element =>
            element.Length > 0 && element.All(IsPlain) ? element : $"\"{element}\""));

    private static bool IsPlain(char character) =>
        char.IsLetterOrDigit(character) || character is '-' or '_';

    private static void Complete(
        List<string> elements, StringBuilder element, bool isQuoted, HoconOrigin origin)
    {
        var text = element.ToString();
        if (!isQuoted && text.All(HoconTokenizer.IsWhitespace))
        {
            throw new HoconException(
                origin, "an empty element in a key",
                "a word on both sides of every dot (write \"\" for an empty element)");
        }
        elements.Add(text);
        element.Clear();
        if (elements.Count > ElementsMax)
        {
            throw new HoconException(
                origin, "a key with too many elements", $"{ElementsMax} at most");
        }
    }
}
