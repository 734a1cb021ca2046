using System.Globalization;

namespace Distributed.Runtime.Recording.Pictures;

/// <summary>
/// Draws how often each class was taken for each other one. A cell's colour is its share of its
/// row: blue where the class was recognised, red where it was not.
/// </summary>
internal static class ConfusionPicture
{
    private const int NameLettersMax = 14, Gap = 6, CellMin = 4, CellMax = 44, CellsMax = 720;

    private static readonly Colour Right = new(20, 70, 160), Wrong = new(190, 30, 30);

    /// <param name="counts">By true class and predicted class.</param>
    /// <param name="classNames">Of all classes.</param>
    /// <param name="title">What the picture shows.</param>
    public static Canvas Draw(int[,] counts, IReadOnlyList<string> classNames, string title)
    {
        int classes = classNames.Count;
        int cell = Math.Clamp(CellsMax / classes, CellMin, CellMax);
        bool areNamed = cell >= BitmapFont.LetterHeight + 2;
        string[] names =
            [.. classNames.Select(name => BitmapFont.Cut(name, areNamed ? NameLettersMax : 0))];
        int margin = names.Max(BitmapFont.WidthOf) + (2 * Gap);
        int line = BitmapFont.LetterHeight + Gap;
        int left = margin + line, top = margin + (2 * line);
        int side = classes * cell;
        var canvas = new Canvas(
            Math.Max(left + side + Gap, BitmapFont.WidthOf(title) + (2 * Gap)),
            top + side + Gap);
        canvas.Text(title, Gap, Gap, Colour.Black);
        canvas.Text("predicted", left, Gap + line, Colour.Grey);
        canvas.Text(
            "true", Gap, top + BitmapFont.WidthOf("true"), Colour.Grey, isUpwards: true);
        int middle = (cell - BitmapFont.LetterHeight) / 2;
        for (int index = 0; index < classes; index++)
        {
            int start = index * cell;
            canvas.Text(
                names[index], left - Gap - BitmapFont.WidthOf(names[index]), top + start + middle,
                Colour.Black);
            canvas.Text(
                names[index], left + start + middle, top - Gap, Colour.Black, isUpwards: true);
        }

        for (int label = 0; label < classes; label++)
            Row(canvas, counts, label, (left, top + (label * cell)), cell);
        return canvas;
    }

    private static void Row(
        Canvas canvas, int[,] counts, int label, (int Left, int Top) place, int cell)
    {
        const double DarkFrom = 0.55;
        int classes = counts.GetLength(0);
        int total = Math.Max(
            1, Enumerable.Range(0, classes).Sum(other => counts[label, other]));
        for (int predicted = 0; predicted < classes; predicted++)
        {
            int count = counts[label, predicted];
            // By the square root, so that single mistakes can be seen.
            double strength = Math.Sqrt((double)count / total);
            int left = place.Left + (predicted * cell);
            canvas.Fill(
                left, place.Top, cell - 1, cell - 1,
                count == 0
                    ? new Colour(245, 245, 245)
                    : (label == predicted ? Right : Wrong).Tint(strength));
            string text = count.ToString(CultureInfo.InvariantCulture);
            int width = BitmapFont.WidthOf(text);
            if (count > 0 && width <= cell - 3 && BitmapFont.LetterHeight <= cell - 3)
            {
                canvas.Text(
                    text, left + ((cell - 1 - width) / 2),
                    place.Top + ((cell - 1 - BitmapFont.LetterHeight) / 2),
                    strength > DarkFrom ? Colour.White : Colour.Black);
            }
        }
    }
}
