using System.Globalization;
using Distributed.Training.Data;

namespace Distributed.Runtime.Recording.Pictures;

/// <summary>An image that was taken for one of another class.</summary>
/// <param name="Label">The name of its class.</param>
/// <param name="Predicted">The name of the other one.</param>
/// <param name="Certainty">The probability that was given to the other one.</param>
/// <param name="Pixels">Channel by channel, row by row.</param>
internal sealed record Mistake(
    string Label, string Predicted, double Certainty, ReadOnlyMemory<byte> Pixels);

/// <summary>Draws images in a grid, under each what it is and what it was taken for.</summary>
internal static class MistakesPicture
{
    public const int MistakesMax = 25;

    private const int Columns = 5, Gap = 8, LineGap = 3, NameLettersMax = 10, PictureSide = 84;

    /// <param name="mistakes">At least one, and so many at most as there is room for.</param>
    /// <param name="shape">Of all images, grey or RGB.</param>
    /// <param name="title">What the picture shows.</param>
    public static Canvas Draw(IReadOnlyList<Mistake> mistakes, ImageShape shape, string title)
    {
        int scale = Math.Max(1, PictureSide / Math.Max(shape.Width, shape.Height));
        string[] captions = [.. mistakes.Select(Caption)];
        int line = BitmapFont.LetterHeight + LineGap;
        int width = Math.Max(scale * shape.Width, captions.Max(BitmapFont.WidthOf)) + Gap;
        int height = (scale * shape.Height) + (2 * line) + Gap;
        int columns = Math.Min(Columns, mistakes.Count);
        int rows = (mistakes.Count + columns - 1) / columns;
        int top = line + Gap;
        var canvas = new Canvas(
            Math.Max(Gap + (columns * width), BitmapFont.WidthOf(title) + (2 * Gap)),
            top + (rows * height) + Gap);
        canvas.Text(title, Gap, Gap / 2, Colour.Black);
        for (int index = 0; index < mistakes.Count; index++)
        {
            int left = Gap + (index % columns * width);
            int y = top + (index / columns * height);
            canvas.Picture(mistakes[index].Pixels.Span, shape, left, y, scale);
            y += (scale * shape.Height) + LineGap;
            canvas.Text(captions[index], left, y, Colour.Black);
            string certainty = string.Create(
                CultureInfo.InvariantCulture, $"{100 * mistakes[index].Certainty:F0} %");
            canvas.Text(certainty, left, y + line, Colour.Grey);
        }

        return canvas;
    }

    private static string Caption(Mistake mistake) =>
        BitmapFont.Cut(mistake.Label, NameLettersMax) + " → "
        + BitmapFont.Cut(mistake.Predicted, NameLettersMax);
}
