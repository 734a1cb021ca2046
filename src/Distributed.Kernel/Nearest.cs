namespace Distributed.Kernel;

/// <summary>Finds the known word that a mistyped one was probably meant to be.</summary>
public static class Nearest
{
    /// <summary>
    /// The known word within one edit of a short <paramref name="word"/>, or within a third of the
    /// length of a longer one; the first of equals; null when nothing is that near.
    /// Case does not count as an edit.
    /// </summary>
    public static string? Of(string word, IEnumerable<string> known)
    {
        var editsMax = Math.Max(1, word.Length / 3);
        string? nearest = null;
        foreach (var candidate in known)
        {
            var edits = Distance(word, candidate);
            if (edits <= editsMax && edits < candidate.Length)
            {
                nearest = candidate;
                editsMax = edits - 1;
                if (edits == 0)
                {
                    break;
                }
            }
        }
        return nearest;
    }

    /// <summary>
    /// Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, or swap
    /// two neighbours, each one edit.
    /// </summary>
    internal static int Distance(string left, string right)
    {
        // Three rows are enough: a swap looks back two.
        var beforeLast = new int[right.Length + 1];
        var last = new int[right.Length + 1];
        var current = new int[right.Length + 1];
        for (var column = 0; column <= right.Length; column++)
        {
            last[column] = column;
        }
        for (var row = 1; row <= left.Length; row++)
        {
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var replace = last[column - 1] + (Same(left[row - 1], right[column - 1]) ? 0 : 1);
                var best = Math.Min(replace, Math.Min(last[column], current[column - 1]) + 1);
                var swapped = row > 1 && column > 1
                    && Same(left[row - 1], right[column - 2])
                    && Same(left[row - 2], right[column - 1]);
                current[column] = swapped ? Math.Min(best, beforeLast[column - 2] + 1) : best;
            }
            (beforeLast, last, current) = (last, current, beforeLast);
        }
        return last[right.Length];
    }

    private static bool Same(char left, char right) =>
        char.ToLowerInvariant(left) == char.ToLowerInvariant(right);
}
