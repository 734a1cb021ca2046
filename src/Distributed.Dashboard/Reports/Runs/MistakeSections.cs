using Distributed.Telemetry;
using Distributed.Training.Inference;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>What a network takes for what.</summary>
internal static class MistakeSections
{
    private const int ImageWidth = 84;

    public static Section Of(TestFindings test)
    {
        TestPredictions predictions = test.Predictions;
        string text = $"{Figures.Whole(predictions.Count - predictions.Right)} of "
            + $"{Figures.Whole(predictions.Count)} test images are classified wrongly by the "
            + $"checkpoint of step {Figures.Whole(test.Step)}.";
        List<Block> blocks = [Confusion(test), Classes(test)];
        if (test.Worst.Count > 0)
            blocks.Add(Worst(test));
        return new Section("Mistakes", text, blocks);
    }

    private static HeatMap Confusion(TestFindings test)
    {
        ConfusionMatrix matrix = test.Confusion;
        int[] classes = [.. Enumerable.Range(0, matrix.Classes)];
        (int label, int taken) = (
            from one in classes
            from other in classes
            where one != other
            select (one, other)).MaxBy(pair => matrix[pair.one, pair.other]);
        int count = matrix[label, taken];
        string caption = count == 0
            ? "No class is taken for another one."
            : $"The most frequent mistake: {test.ClassNames[label]} taken for "
                + $"{test.ClassNames[taken]}, {Figures.Whole(count)} of "
                + $"{Figures.Whole(matrix.Total(label))} times.";
        return new HeatMap(
            "Confusion matrix", caption, "true class", "taken for", test.ClassNames,
            [.. classes.Select(one => (int[])[.. classes.Select(other => matrix[one, other])])]);
    }

    private static Table Classes(TestFindings test)
    {
        ConfusionMatrix matrix = test.Confusion;
        return new Table(
            "Each class: accuracy is the share of its images that were recognised (recall), "
                + "precision the share of the images taken for it that are of it",
            ["class", "images", "accuracy", "95 % interval", "precision", "F1", "taken for most"],
            [
                .. Enumerable.Range(0, matrix.Classes).Select(label => (Cell[])
                [
                    test.ClassNames[label],
                    Cell.Whole(matrix.Total(label)),
                    Cell.Of(matrix.Recall(label), Figures.Percent),
                    matrix.Total(label) == 0
                        ? Cell.None
                        : Interval(matrix[label, label], matrix.Total(label)),
                    Cell.Of(matrix.Precision(label), Figures.Percent),
                    Cell.Of(
                        2 / (1 / matrix.Recall(label) + 1 / matrix.Precision(label)),
                        Figures.Ratio),
                    MostTakenFor(test, label),
                ]),
            ]);
    }

    private static Cell Interval(int right, int total)
    {
        var interval = Proportion.Wilson95(right, total);
        return new Cell(Wording.Interval(interval), interval.Low);
    }

    private static Cell MostTakenFor(TestFindings test, int label)
    {
        ConfusionMatrix matrix = test.Confusion;
        int other = Enumerable.Range(0, matrix.Classes).Where(other => other != label)
            .MaxBy(other => matrix[label, other]);
        int count = matrix[label, other];
        return count == 0
            ? Cell.None
            : new Cell($"{test.ClassNames[other]} ({Figures.Whole(count)})");
    }

    private static ImageGrid Worst(TestFindings test) => new(
        "Worst mistakes",
        $"The {Wording.Count(test.Worst.Count, "image")} with the highest loss: the network was "
            + "surest of another class.",
        ImageWidth,
        [
            .. test.Worst.Select(mistake =>
            {
                string label = test.ClassNames[mistake.Label];
                string taken = test.ClassNames[mistake.Predicted];
                string certainty = Figures.Percent(mistake.Certainty);
                return new ReportImage(
                    mistake.Png, $"{label}, taken for {taken} ({certainty})",
                    $"Test image {mistake.Index}: {label}, taken for {taken} with a probability "
                        + $"of {certainty}, loss {Figures.Ratio(mistake.Loss)}");
            }),
        ]);
}
