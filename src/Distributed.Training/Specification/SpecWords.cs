using System.Globalization;
using Distributed.Training.Data;

namespace Distributed.Training.Specification;

/// <summary>
/// How values are written in a run spec: one spelling each, the same for all machines.
/// </summary>
public static class SpecWords
{
    /// <summary>An enumeration's word: its name in camelCase.</summary>
    public static string Of<T>(T value) where T : struct, Enum
    {
        var name = value.ToString();
        return name == "AdamW" ? "adamw" : char.ToLowerInvariant(name[0]) + name[1..];
    }

    public static IEnumerable<string> All<T>() where T : struct, Enum =>
        Enum.GetValues<T>().Select(Of);

    public static bool TryParse<T>(string word, out T value) where T : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<T>())
        {
            if (string.Equals(Of(candidate), word, StringComparison.OrdinalIgnoreCase))
            {
                value = candidate;
                return true;
            }
        }
        value = default;
        return false;
    }

    public static string Of(bool value) => value ? "true" : "false";

    /// <summary>A flip that is drawn is a yes, as it was when there was no other.</summary>
    public static string OfFlip(FlipMode mode) => mode switch
    {
        FlipMode.Off => "false",
        FlipMode.Random => "true",
        _ => Of(mode),
    };

    public static string Of(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Of(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The shortest text that reads back as the same double.</summary>
    public static string Of(double value) =>
        value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    /// <summary>A YAML scalar that reads back as this string.</summary>
    public static string Quote(string text)
    {
        if (IsPlain(text))
            return text;
        var quoted = new System.Text.StringBuilder("\"");
        foreach (var character in text)
        {
            if (character is '"' or '\\')
                quoted.Append('\\').Append(character);
            else if (char.IsControl(character) || character is '\u2028' or '\u2029' or '\ufeff')
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
            else
                quoted.Append(character);
        }
        return quoted.Append('"').ToString();
    }

    private static bool IsPlain(string text) =>
        text.Length > 0
        && text.All(character => char.IsAsciiLetterOrDigit(character)
            || character is '_' or '.' or '/' or '-' or '+')
        && (char.IsAsciiLetterOrDigit(text[0]) || text[0] is '/' or '.' or '_')
        && text is not ("null" or "Null" or "NULL");
}
