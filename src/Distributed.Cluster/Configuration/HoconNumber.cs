using System.Globalization;

namespace Distributed.Cluster.Configuration;

/// <summary>Numbers as HOCON writes them: kept as text until somebody asks for a type.</summary>
internal static class HoconNumber
{
    /// <summary>
    /// Whether the text is a number by JSON's grammar, which decides a value's kind.
    /// </summary>
    public static bool IsJson(ReadOnlySpan<char> text)
    {
        var index = text.StartsWith("-") ? 1 : 0;
        var integerDigits = Digits(text[index..]);
        if (integerDigits == 0 || (integerDigits > 1 && text[index] == '0'))
        {
            return false;
        }
        index += integerDigits;
        if (index < text.Length && text[index] == '.')
        {
            var fractionDigits = Digits(text[(index + 1)..]);
            if (fractionDigits == 0)
            {
                return false;
            }
            index += 1 + fractionDigits;
        }
        return index == text.Length || IsExponent(text[index..]);
    }

    /// <summary>
    /// The value of a number written in a file or in a string. Beyond JSON's grammar it takes a
    /// leading '+', leading zeros and a leading or trailing point, as people write them.
    /// </summary>
    public static bool TryParse(string text, out decimal value) =>
        decimal.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out value);

    private static bool IsExponent(ReadOnlySpan<char> text)
    {
        if (text[0] is not ('e' or 'E'))
        {
            return false;
        }
        text = text[1..];
        text = text.StartsWith("+") || text.StartsWith("-") ? text[1..] : text;
        return text.Length > 0 && Digits(text) == text.Length;
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        var count = 0;
        while (count < text.Length && char.IsAsciiDigit(text[count]))
        {
            count++;
        }
        return count;
    }
}
