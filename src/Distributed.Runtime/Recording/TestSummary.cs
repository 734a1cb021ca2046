using System.Globalization;
using Distributed.Runtime.Recording.Pictures;
using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>What TensorBoard shows of a test: confusion, mistakes, curves and accuracies.</summary>
internal static class TestSummary
{
    /// <summary>Tables and curves of more classes would not be read by anybody.</summary>
    private const int ClassesMax = 50;

    public static SummaryBuilder Of(TestOutcome outcome)
    {
        var summary = new SummaryBuilder();
        int[,] counts = outcome.Confusion();
        string about = string.Create(
            CultureInfo.InvariantCulture,
            $"epoch {outcome.Epoch}, {outcome.Total - outcome.Missing} of {outcome.Total} images");
        Draw(
            summary, RecordedTags.Confusion,
            ConfusionPicture.Draw(counts, outcome.ClassNames, $"Confusion: {about}"),
            "Rows are true classes, columns the predicted ones. The darker a cell, the larger its "
                + "share of the row: blue is right, red is wrong.");
        AddMistakes(summary, outcome);
        AddClasses(summary, outcome, counts);
        if (outcome.ClassNames.Count <= ClassesMax)
            summary.TextTable(RecordedTags.ConfusionTable, Table(counts, outcome.ClassNames));
        if (outcome.Missing > 0)
            summary.Scalar(RecordedTags.ImagesMissing, outcome.Missing);
        return summary;
    }

    private static void AddMistakes(SummaryBuilder summary, TestOutcome outcome)
    {
        Mistake[] shown =
        [
            .. outcome.Mistakes().Take(MistakesPicture.MistakesMax).Select(mistake => new Mistake(
                outcome.ClassNames[mistake.Label], outcome.ClassNames[mistake.Predicted],
                mistake.Certainty, outcome.PixelsOf(mistake.Index))),
        ];
        if (shown.Length == 0)
            return;
        Draw(
            summary, RecordedTags.Mistakes,
            MistakesPicture.Draw(
                shown, outcome.Shape, $"Epoch {outcome.Epoch}: true → predicted, certainty"),
            "Test images taken for another class, the most certain mistakes first.");
    }

    private static void AddClasses(SummaryBuilder summary, TestOutcome outcome, int[,] counts)
    {
        string[] names = TagNames(outcome.ClassNames);
        for (int place = 0; place < Math.Min(names.Length, ClassesMax); place++)
        {
            int total = Enumerable.Range(0, names.Length).Sum(other => counts[place, other]);
            if (total > 0)
            {
                summary.Scalar(
                    RecordedTags.ClassAccuracyGroup + names[place],
                    (double)counts[place, place] / total);
            }

            (bool[] labels, float[] predictions) = outcome.Of(place);
            summary.PrCurve(RecordedTags.CurveGroup + names[place], labels, predictions);
        }
    }

    private static string[,] Table(int[,] counts, IReadOnlyList<string> names)
    {
        int classes = names.Count;
        string[,] cells = new string[classes + 1, classes + 1];
        cells[0, 0] = "true \\ predicted";
        for (int label = 0; label < classes; label++)
        {
            cells[0, label + 1] = cells[label + 1, 0] =
                MarkdownCell.Of(names[label]);
            for (int predicted = 0; predicted < classes; predicted++)
            {
                cells[label + 1, predicted + 1] =
                    counts[label, predicted].ToString(CultureInfo.InvariantCulture);
            }
        }

        return cells;
    }

    /// <summary>Names of classes may be any text; in a tag a slash would make a group.</summary>
    private static string[] TagNames(IReadOnlyList<string> names)
    {
        string[] tags =
        [
            .. names.Select(name => string.Concat(name.Trim().Select(
                letter => char.IsLetterOrDigit(letter) || letter is '-' or '_' or '.' or ' '
                    ? letter
                    : '_'))),
        ];
        // Names that only differ in what was replaced, and empty ones, are told apart by place.
        return
        [
            .. tags.Select((tag, place) =>
                tag.Length == 0 || Array.IndexOf(tags, tag) != place ? $"{tag}_{place}" : tag),
        ];
    }

    private static void Draw(
        SummaryBuilder summary, string tag, Canvas canvas, string description) => summary.Image(
            tag, canvas.Width, canvas.Height, channels: 3, canvas.ToPng(), description);
}
