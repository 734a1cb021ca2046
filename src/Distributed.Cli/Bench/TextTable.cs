namespace Distributed.Cli.Bench;

/// <summary>Columns for a terminal: texts to the left, figures to the right.</summary>
internal static class TextTable
{
    private const string Gap = "  ";

    public static IEnumerable<string> Lines(
        IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        int[] widths =
        [
            .. header.Select((name, column) =>
                rows.Select(row => row[column].Length).Append(name.Length).Max()),
        ];
        bool[] isText =
        [
            .. header.Select((_, column) => rows.Any(row => IsWord(row[column]))),
        ];
        return rows.Prepend(header).Select(row => string.Join(
            Gap,
            row.Select((cell, column) => isText[column]
                ? cell.PadRight(widths[column])
                : cell.PadLeft(widths[column]))).TrimEnd());
    }

    private static bool IsWord(string cell) => cell.Length > 0 && char.IsAsciiLetter(cell[0]);
}
