using System.Globalization;
using System.Text;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Splits HOCON text into tokens. Comments vanish here; newlines and other white space are tokens,
/// because they separate fields and are kept between the words of a string.
/// </summary>
internal sealed class HoconTokenizer
{
    private const string TripleQuote = "\"\"\"";
    private const string Reserved = "$\"{}[]:=,+#`^?!@*&\\";

    private readonly string text;
    private readonly string source;
    private readonly List<HoconToken> tokens = [];
    private int position;
    private int line = 1;
    private int lineStart;

    private HoconTokenizer(string text, string source)
    {
        this.text = text;
        this.source = source;
    }

    /// <summary>The tokens of <paramref name="text"/>, closed by one of kind End.</summary>
    public static IReadOnlyList<HoconToken> Tokenize(string text, string source)
    {
        var tokenizer = new HoconTokenizer(text, source);
        while (tokenizer.position < text.Length)
        {
            tokenizer.ReadToken();
        }
        tokenizer.Add(HoconTokenKind.End, "", tokenizer.Here());
        return tokenizer.tokens;
    }

    /// <summary>Whether HOCON takes the character for white space (a newline included).</summary>
    public static bool IsWhitespace(char character) =>
        character is '\t' or '\n' or '\v' or '\f' or '\r' or (>= '\u001c' and <= '\u001f')
            or '\ufeff'
        || char.GetUnicodeCategory(character) is UnicodeCategory.SpaceSeparator
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private void ReadToken()
    {
        var character = text[position];
        var origin = Here();
        if (character == '\n')
        {
            Take(HoconTokenKind.Newline, 1, origin);
            StartLine();
        }
        else if (IsWhitespace(character))
        {
            ReadWhile(HoconTokenKind.Whitespace, next => next != '\n' && IsWhitespace(next));
        }
        else if (character == '#' || IsAt("//"))
        {
            var end = text.IndexOf('\n', position);
            position = end < 0 ? text.Length : end;
        }
        else if (IsAt(TripleQuote))
        {
            ReadTripleQuoted(origin);
        }
        else if (character == '"')
        {
            ReadQuoted(origin);
        }
        else if (IsAt("${"))
        {
            var optional = IsAt("${?");
            Take(
                optional
                    ? HoconTokenKind.OptionalSubstitutionStart : HoconTokenKind.SubstitutionStart,
                optional ? 3 : 2, origin);
        }
        else if (IsAt("+="))
        {
            Take(HoconTokenKind.PlusEquals, 2, origin);
        }
        else if (Punctuation(character) is { } kind)
        {
            Take(kind, 1, origin);
        }
        else
        {
            ReadUnquoted(origin);
        }
    }

    private static HoconTokenKind? Punctuation(char character) => character switch
    {
        '{' => HoconTokenKind.ObjectStart,
        '}' => HoconTokenKind.ObjectEnd,
        '[' => HoconTokenKind.ListStart,
        ']' => HoconTokenKind.ListEnd,
        ',' => HoconTokenKind.Comma,
        ':' => HoconTokenKind.Colon,
        '=' => HoconTokenKind.Equals,
        _ => null,
    };

    private void ReadUnquoted(HoconOrigin origin)
    {
        var start = position;
        if (char.IsAsciiDigit(text[position]) || text[position] == '-')
        {
            SkipNumber();
        }
        while (position < text.Length && IsUnquoted(position))
        {
            position++;
        }
        if (position == start)
        {
            throw new HoconException(
                origin, $"'{text[position]}' is a reserved character",
                "a key or a value; put the text in double quotes if the character belongs to it");
        }
        Add(HoconTokenKind.Unquoted, text[start..position], origin);
    }

    // A word that begins like a number takes in every character a JSON number may have. That is
    // the one place where '+' may stand unquoted, so what it is part of must then be a number.
    private void SkipNumber()
    {
        var start = position;
        var plus = -1;
        while (position < text.Length && !IsAt("+=")
            && (char.IsAsciiDigit(text[position]) || text[position] is '-' or '+' or '.' or 'e'
                or 'E'))
        {
            plus = text[position] == '+' && plus < 0 ? position : plus;
            position++;
        }
        if (plus >= 0 && !HoconNumber.IsJson(text.AsSpan(start, position - start)))
        {
            throw new HoconException(
                Here() with { Column = plus - lineStart + 1 },
                $"'+' in '{text[start..position]}'",
                "a number, or the text in double quotes");
        }
    }

    private bool IsUnquoted(int index)
    {
        var character = text[index];
        return !Reserved.Contains(character, StringComparison.Ordinal)
            && !IsWhitespace(character)
            && !(character == '/' && index + 1 < text.Length && text[index + 1] == '/');
    }

    private void ReadTripleQuoted(HoconOrigin origin)
    {
        var start = position + TripleQuote.Length;
        var end = text.IndexOf(TripleQuote, start, StringComparison.Ordinal);
        if (end < 0)
        {
            throw new HoconException(origin, "a string opened by \"\"\" never ends", "\"\"\"");
        }
        var after = end + TripleQuote.Length;
        while (after < text.Length && text[after] == '"')
        {
            // Quotes beyond three belong to the string.
            after++;
        }
        Add(HoconTokenKind.Quoted, text[start..(after - TripleQuote.Length)], origin);
        while (position < after)
        {
            if (text[position++] == '\n')
            {
                StartLine();
            }
        }
    }

    private void ReadQuoted(HoconOrigin origin)
    {
        var content = new StringBuilder();
        position++;
        while (true)
        {
            if (position == text.Length || text[position] == '\n')
            {
                throw new HoconException(
                    origin, "a quoted string does not end on its line",
                    "a closing '\"', or \"\"\" around a string of several lines");
            }
            var character = text[position];
            if (character < ' ')
            {
                throw new HoconException(
                    Here(), $"control character \\u{(int)character:x4} in a quoted string",
                    "an escape such as \\t or \\u0007");
            }
            if (character == '"')
            {
                position++;
                Add(HoconTokenKind.Quoted, content.ToString(), origin);
                return;
            }
            content.Append(character == '\\' ? ReadEscape() : character);
            position++;
        }
    }

    // Leaves the position on the escape's last character.
    private char ReadEscape()
    {
        var origin = Here();
        position++;
        var escape = position < text.Length ? text[position] : '\n';
        if (escape == 'u' && position + 4 < text.Length
            && ushort.TryParse(
                text.AsSpan(position + 1, 4), NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out var code))
        {
            position += 4;
            return (char)code;
        }
        return escape switch
        {
            '"' or '\\' or '/' => escape,
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => throw new HoconException(
                origin, $"unknown escape '\\{escape}' in a quoted string",
                "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t, or \\u and four hexadecimal digits"),
        };
    }

    private void ReadWhile(HoconTokenKind kind, Func<char, bool> belongs)
    {
        var start = position;
        var origin = Here();
        while (position < text.Length && belongs(text[position]))
        {
            position++;
        }
        Add(kind, text[start..position], origin);
    }

    private void Take(HoconTokenKind kind, int length, HoconOrigin origin)
    {
        Add(kind, text.Substring(position, length), origin);
        position += length;
    }

    private void Add(HoconTokenKind kind, string content, HoconOrigin origin) =>
        tokens.Add(new HoconToken(kind, content, origin));

    private bool IsAt(string expected) =>
        string.CompareOrdinal(text, position, expected, 0, expected.Length) == 0;

    private void StartLine()
    {
        line++;
        lineStart = position;
    }

    private HoconOrigin Here() => new(source, line, position - lineStart + 1);
}
