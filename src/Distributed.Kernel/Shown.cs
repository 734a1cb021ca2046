using System.Globalization;
using System.Text;

namespace Distributed.Kernel;

/// <summary>
/// Text of others (a worker's name, a file's, what a peer logs) made fit to be shown: characters
/// that would act on a terminal, a page or a file instead of being seen are written as escapes.
/// What needs none is returned as it is. The escapes are for eyes, not to be read back.
/// </summary>
public static class Shown
{
    private const int ZeroWidthNonJoiner = 0x200c;
    private const int ZeroWidthJoiner = 0x200d;

    /// <summary>
    /// One line, whatever the text is: no line break, tab, control character (so no ANSI escape),
    /// mark of direction or other invisible format, and no half of a surrogate pair.
    /// </summary>
    public static string Line(string text) => Escape(text, areLinesKept: false);

    /// <summary>The same for text of several lines: line feeds and tabs stay.</summary>
    public static string Lines(string text) => Escape(text, areLinesKept: true);

    private static string Escape(string text, bool areLinesKept)
    {
        if (areLinesKept) text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        var first = FirstHidden(text, areLinesKept);
        if (first < 0) return text;
        var shown = new StringBuilder(text, 0, first, text.Length + 16);
        for (var at = first; at < text.Length;)
        {
            var length = Length(text, at);
            if (!IsHidden(text, at, areLinesKept)) shown.Append(text, at, length);
            else AppendEscape(shown, length == 2 ? char.ConvertToUtf32(text, at) : text[at]);
            at += length;
        }

        return shown.ToString();
    }

    private static int FirstHidden(string text, bool areLinesKept)
    {
        for (var at = 0; at < text.Length; at += Length(text, at))
            if (IsHidden(text, at, areLinesKept)) return at;
        return -1;
    }

    private static int Length(string text, int at) =>
        at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;

    private static bool IsHidden(string text, int at, bool areLinesKept)
    {
        var letter = text[at];
        if (letter is >= ' ' and <= '~') return false;
        if (letter is '\n' or '\t') return !areLinesKept;
        return CharUnicodeInfo.GetUnicodeCategory(text, at) switch
        {
            UnicodeCategory.Control or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate => true,
            // Scripts and emoji need these two; they hide nothing.
            UnicodeCategory.Format =>
                letter is not ((char)ZeroWidthNonJoiner or (char)ZeroWidthJoiner),
            _ => false,
        };
    }

    private static void AppendEscape(StringBuilder shown, int value)
    {
        var form = value switch
        {
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            // In halves, as JSON has it: a line of JSON stays one.
            > char.MaxValue => string.Concat(
                char.ConvertFromUtf32(value).Select(half => $"\\u{(int)half:x4}")),
            _ => string.Create(CultureInfo.InvariantCulture, $"\\u{value:x4}"),
        };
        shown.Append(form);
    }
}
