using Distributed.Kernel;

namespace Distributed.Runtime.Pbm;

/// <summary>Lays rows out under their titles.</summary>
internal static class TableText
{
    private const string Gap = "  ";
    private const int CutWidthMin = 8;

    /// <summary>The titles first. Columns in which all is empty are not shown.</summary>
    /// <param name="width">What a line may take, as far as cutting and leaving out helps; 0 for any
    /// number.</param>
    /// <returns>The lines, and the titles of what was left out for the width.</returns>
    public static (IReadOnlyList<string> Lines, IReadOnlyList<string> LeftOut) Lines(
        IReadOnlyList<IReadOnlyList<Field>> rows, int width)
    {
        List<Column> columns =
        [
            .. Enumerable.Range(0, rows[0].Count)
                .Where(at => rows.Any(row => row[at].Text.Length > 0))
                .Select(at => new Column(rows, at)),
        ];
        List<string> leftOut = [];
        if (width > 0)
            Fit(columns, width, leftOut);
        return (
            [
                .. Enumerable.Range(0, rows.Count + 1).Select(
                    line => string.Join(Gap, columns.Select(column => column.Cell(line)))
                        .TrimEnd()),
            ],
            leftOut);
    }

    /// <summary>Cuts before it leaves out, and both from the right.</summary>
    private static void Fit(List<Column> columns, int width, List<string> leftOut)
    {
        while (true)
        {
            int over = columns.Sum(column => column.Width) + (Gap.Length * (columns.Count - 1))
                - width;
            if (over <= 0)
                return;
            int room = columns.Sum(column => column.Room);
            int extra = columns.FindLastIndex(column => column.IsExtra);
            if (room < over && extra >= 0)
            {
                leftOut.Insert(0, columns[extra].Title);
                columns.RemoveAt(extra);
                continue;
            }

            foreach (Column column in columns.AsEnumerable().Reverse())
                over -= column.Cut(over);
            return;
        }
    }

    private sealed class Column
    {
        private readonly string[] _cells;
        private readonly Field _first;

        public Column(IReadOnlyList<IReadOnlyList<Field>> rows, int at)
        {
            _first = rows[0][at];
            _cells =
                [_first.Title, .. rows.Select(row => Shown.Line(row[at].Text))];
            Width = _cells.Max(cell => cell.Length);
        }

        public string Title => _first.Title;

        public bool IsExtra => _first.IsExtra;

        public int Width { get; private set; }

        /// <summary>So much may be cut of it.</summary>
        public int Room => _first.MayBeCut ? Math.Max(0, Width - CutWidthMin) : 0;

        /// <returns>How much it was cut.</returns>
        public int Cut(int most)
        {
            int cut = Math.Clamp(most, 0, Room);
            Width -= cut;
            return cut;
        }

        public string Cell(int line)
        {
            string text = _cells[line];
            if (text.Length > Width)
                return text[..(Width - 1)] + "…";
            return _first.IsNumber ? text.PadLeft(Width) : text.PadRight(Width);
        }
    }
}
