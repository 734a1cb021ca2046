using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>How loss, accuracy and learning rate went.</summary>
internal static class LearningSections
{
    /// <summary>So many points of a curve over steps; each is for the steps around it.</summary>
    private const int PointsMax = 200;

    private static readonly Axis s_epochs = new("epoch") { IsWhole = true };
    private static readonly Axis s_steps = new("step") { IsWhole = true };

    public static IEnumerable<Section> Of(RunLog log)
    {
        if (log.Epochs.Count == 0 && log.Steps.Count == 0)
            yield break;
        List<Block> blocks = [];
        if (log.Epochs.Count > 0)
            blocks.Add(new SideBySide([Loss(log.Epochs), Accuracy(log.Epochs)]));
        if (log.Steps.Count > 0)
            blocks.Add(new SideBySide([LossOfSteps(log.Steps), LearningRate(log.Steps)]));
        string shown = "Test figures are measured at the end of an epoch, training figures during "
            + "it, on batches as they come.";
        yield return new Section("Learning", shown, blocks);
    }

    private static LineChart Loss(IReadOnlyList<EpochCompleted> epochs)
    {
        string caption = $"Training loss {Moved(epochs, epoch => epoch.TrainLoss, Figures.Ratio)}.";
        if (HasTest(epochs))
        {
            EpochCompleted best = epochs.MinBy(epoch => epoch.TestLoss)!;
            string lowest = epochs.Count > 1 ? $"; it was lowest after epoch {best.Epoch}" : "";
            caption = "Test loss "
                + $"{Moved(epochs, epoch => epoch.TestLoss, Figures.Ratio)}{lowest}.";
        }
        return new LineChart(
            "Loss by epoch", caption, s_epochs, new Axis("loss"),
            Curves(epochs, epoch => epoch.TrainLoss, epoch => epoch.TestLoss));
    }

    private static LineChart Accuracy(IReadOnlyList<EpochCompleted> epochs)
    {
        string caption = "Training accuracy "
            + $"{Moved(epochs, epoch => epoch.TrainAccuracy, Figures.Percent)}.";
        if (HasTest(epochs))
        {
            double ahead = epochs[^1].TrainAccuracy - epochs[^1].TestAccuracy;
            caption = "Test accuracy "
                + $"{Moved(epochs, epoch => epoch.TestAccuracy, Figures.Percent)}, "
                + $"{ReportNumbers.Significant(Math.Round(100 * Math.Abs(ahead), 2))} points "
                + $"{(ahead > 0 ? "below" : "above")} that on training images.";
        }
        return new LineChart(
            "Accuracy by epoch", caption, s_epochs, new Axis("accuracy") { IsShare = true },
            Curves(epochs, epoch => epoch.TrainAccuracy, epoch => epoch.TestAccuracy));
    }

    private static string Moved(
        IReadOnlyList<EpochCompleted> epochs, Func<EpochCompleted, double> value,
        Func<double, string> show) => epochs.Count == 1
            ? $"was {show(value(epochs[0]))} after the only epoch"
            : $"{Wording.Change(value(epochs[0]), value(epochs[^1]), show)} from epoch "
                + $"{epochs[0].Epoch} to {epochs[^1].Epoch}";

    private static bool HasTest(IReadOnlyList<EpochCompleted> epochs) =>
        epochs.Any(epoch => double.IsFinite(epoch.TestLoss));

    private static LineSeries[] Curves(
        IReadOnlyList<EpochCompleted> epochs, Func<EpochCompleted, double> train,
        Func<EpochCompleted, double> test)
    {
        LineSeries curve(string name, Func<EpochCompleted, double> value) => new(
            name, [.. epochs.Select(epoch => new ChartPoint(epoch.Epoch, value(epoch)))]);
        return HasTest(epochs)
            ? [curve("training", train), curve("test", test)]
            : [curve("training", train)];
    }

    private static LineChart LossOfSteps(IReadOnlyList<StepLine> steps)
    {
        IReadOnlyList<StepLine>[] parts = [.. Thinning.Parts(steps, PointsMax)];
        bool isThinned = parts.Length < steps.Count;
        double first = parts[0].Average(step => step.Loss);
        double last = parts[^1].Average(step => step.Loss);
        string caption = $"The loss of a batch {Wording.Change(first, last, Figures.Ratio)}"
            + (isThinned
                ? $"; points are means of about {steps.Count / parts.Length} steps, the band is "
                    + "their range."
                : ".");
        return new LineChart(
            "Loss by step", caption, s_steps, new Axis("loss"),
            [
                new LineSeries(
                    "training",
                    [
                        .. parts.Select(part => new ChartPoint(
                            part[^1].Step, part.Average(step => step.Loss))),
                    ])
                {
                    Band = isThinned
                        ?
                        [
                            .. parts.Select(part => new BandPoint(
                                part[^1].Step, part.Min(step => step.Loss),
                                part.Max(step => step.Loss))),
                        ]
                        : [],
                },
            ]);
    }

    private static LineChart LearningRate(IReadOnlyList<StepLine> steps)
    {
        string change = Wording.Change(
            steps[0].LearningRate, steps[^1].LearningRate, ReportNumbers.Significant);
        double most = steps.Max(step => step.LearningRate);
        string peak = most > Math.Max(steps[0].LearningRate, steps[^1].LearningRate)
            ? $", with {ReportNumbers.Significant(most)} at its highest" : "";
        return new LineChart(
            "Learning rate by step", $"The learning rate {change}{peak}.", s_steps,
            new Axis("learning rate") { FromZero = true },
            [
                new LineSeries(
                    "learning rate",
                    [
                        .. Thinning.Evenly(steps, PointsMax).Select(
                            step => new ChartPoint(step.Step, step.LearningRate)),
                    ]),
            ]);
    }
}
