namespace Distributed.Runtime.Observers;

/// <summary>Names as people count them: w2 before w10.</summary>
internal sealed class NaturalOrder : IComparer<string>
{
    public static NaturalOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        ReadOnlySpan<char> left = x;
        ReadOnlySpan<char> right = y;
        while (left.Length > 0 && right.Length > 0)
        {
            int difference;
            if (char.IsAsciiDigit(left[0]) && char.IsAsciiDigit(right[0]))
            {
                difference = CompareNumbers(ref left, ref right);
            }
            else
            {
                difference = left[0].CompareTo(right[0]);
                left = left[1..];
                right = right[1..];
            }

            if (difference != 0)
                return difference;
        }

        return left.Length.CompareTo(right.Length);
    }

    private static int CompareNumbers(ref ReadOnlySpan<char> left, ref ReadOnlySpan<char> right)
    {
        ReadOnlySpan<char> first = TakeDigits(ref left);
        ReadOnlySpan<char> second = TakeDigits(ref right);
        return first.Length != second.Length
            ? first.Length.CompareTo(second.Length)
            : first.CompareTo(second, StringComparison.Ordinal);
    }

    /// <summary>Without leading zeros.</summary>
    private static ReadOnlySpan<char> TakeDigits(ref ReadOnlySpan<char> text)
    {
        int end = 0;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        ReadOnlySpan<char> digits = text[..end].TrimStart('0');
        text = text[end..];
        return digits;
    }
}
