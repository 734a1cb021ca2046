using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using Distributed.Training.Specification;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>What came out of a run, as a sentence and as figures.</summary>
internal sealed record RunResult(RunRecord Record, RunLog Log, TestFindings? Test)
{
    private EpochCompleted? LastEpoch => Log.Epochs is [.., var last] ? last : null;

    private StepLine? LastStep => Log.Steps is [.., var last] ? last : null;

    private long Steps => Log.Done?.Step ?? LastStep?.Step ?? 0;

    private double Seconds => Log.Done?.Seconds ?? Log.Epochs.Sum(epoch => epoch.Seconds);

    /// <summary>NaN where it was not measured.</summary>
    private double Accuracy =>
        Test?.Predictions.Accuracy ?? Log.Done?.TestAccuracy ?? LastEpoch?.TestAccuracy
            ?? double.NaN;

    private double Loss =>
        Test?.Predictions.Loss ?? Log.Done?.TestLoss ?? LastEpoch?.TestLoss ?? double.NaN;

    private Proportion? Interval => Test is null
        ? null
        : Proportion.Wilson95(Test.Predictions.Right, Test.Predictions.Count);

    /// <summary>Whole epochs, or steps where the run was shorter than one.</summary>
    private string Length => Log.Epochs.Count > 0 && Steps == LastEpoch!.Step && !IsCutShort
        ? Wording.Count(Log.Epochs.Count, "epoch")
        : Wording.Count(Steps, "step");

    /// <summary>The last epoch of a run that counts steps may be a part of one.</summary>
    private bool IsCutShort => Record.Spec.Steps is not null;

    public string Headline()
    {
        string model = Record.Spec.Model.Name, dataset = Record.Spec.Dataset.Name;
        string time = Seconds > 0 ? $", {Figures.Duration(Seconds)} of training" : "";
        string after = $"after {Length}{time}";
        string state = Log.Done is null ? " The run has not been completed." : "";
        if (Interval is { } interval && Test is not null)
        {
            string images = Figures.Whole(Test.Predictions.Count);
            return $"{model} classifies {Figures.Percent(Accuracy)} of {images} test images of "
                + $"{dataset} correctly (95 % interval {Wording.Interval(interval)}) {after}."
                + state;
        }
        return double.IsNaN(Accuracy)
            ? $"{model} was trained on {dataset}: training loss "
                + $"{Figures.Ratio(LastStep?.Loss ?? double.NaN)} {after}.{state}"
            : $"{model} classifies {Figures.Percent(Accuracy)} of the test images of {dataset} "
                + $"correctly {after}.{state}";
    }

    public Section Section()
    {
        RunSpec spec = Record.Spec;
        List<KeyFigure> figures =
        [
            new(
                "Test accuracy", Figures.Percent(Accuracy),
                Interval is { } interval ? Wording.Interval(interval) : ""),
            new("Test loss", Figures.Ratio(Loss), "mean cross entropy"),
            new(
                "Trained for", Length,
                Log.Done is { } end ? $"{Figures.Whole(end.Samples)} samples" : "not completed"),
            new("Time", Figures.Duration(Seconds), Workers),
        ];
        if (Log.Done is { } done)
            figures.Add(new("Images/s", Figures.Whole((long)done.ImagesPerSecond), "in training"));
        if (Test is not null)
        {
            figures.Add(new(
                "Parameters", Figures.Whole(Test.ParameterCount),
                $"{ReportNumbers.Significant(Test.FlopsPerImage / 1e6)} MFLOPs an image"));
        }
        string optimizer = $"{spec.Optimizer.Kind.ToString().ToLowerInvariant()}, learning rate "
            + $"{ReportNumbers.Significant(spec.Optimizer.LearningRate)}, "
            + $"{spec.Schedule.Kind.ToString().ToLowerInvariant()} schedule";
        return new Section(
            "Result", "",
            [
                new KeyFigures(figures),
                new FactList(
                [
                    new("Dataset", spec.Dataset.Name), new("Network", spec.Model.Name),
                    new("Optimizer", optimizer),
                    new("Global batch", $"{spec.GlobalBatch} in {spec.LogicalShards} shards"),
                    new("Seed", $"{spec.Seed}"),
                    new("Reduction", $"{spec.Reduction}".ToLowerInvariant()),
                ]),
            ]);
    }

    private string Workers => Log.Ranks.Count == 0
        ? ""
        : $"on {Wording.Count(Log.Ranks.Count, "worker")}";
}
