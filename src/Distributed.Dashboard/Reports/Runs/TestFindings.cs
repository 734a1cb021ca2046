using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Step;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>What a run's newest checkpoint makes of its test images.</summary>
internal sealed record TestFindings(
    TestPredictions Predictions, ConfusionMatrix Confusion, IReadOnlyList<string> ClassNames,
    IReadOnlyList<Mistake> Worst, long Step, long ParameterCount, long FlopsPerImage)
{
    private const int WorstMax = 24;

    /// <summary>Null where the images cannot be classified here, with the reason.</summary>
    public static TestFindings? Gather(
        string folder, out string reason, CancellationToken cancellation)
    {
        try
        {
            // A dataset that is not here yet is left out rather than fetched for a report.
            using TrainedRun run = TrainedRun.Open(folder, SpecifiedDataset.Load, _ => { });
            reason = $"dataset {run.Data.Name} has no test images";
            return run.Data.Test.Count > 0 ? Classify(run, cancellation) : null;
        }
        catch (Exception failure) when (failure is OperatingException or TorchException)
        {
            reason = failure.Message;
            return null;
        }
    }

    private static TestFindings Classify(TrainedRun run, CancellationToken cancellation)
    {
        using var classifier = new Classifier(run);
        Dataset test = run.Data.Test;
        TestPredictions predictions = TestPredictions.Of(run, classifier, test, cancellation);
        return new TestFindings(
            predictions, ConfusionMatrix.Of(predictions, run.Data.ClassCount),
            run.Data.ClassNames, [.. WorstOf(predictions, test)], run.Checkpoint.Manifest.Step,
            run.Network.ParameterCount, run.Network.FlopsPerImage);
    }

    private static IEnumerable<Mistake> WorstOf(TestPredictions predictions, Dataset test) =>
        Enumerable.Range(0, predictions.Count)
            .Where(index => predictions.Labels[index] != predictions.Predicted[index])
            .OrderByDescending(index => predictions.Losses[index])
            .Take(WorstMax)
            .Select(index => new Mistake(
                index, predictions.Labels[index], predictions.Predicted[index],
                predictions.Certainty[index], predictions.Losses[index],
                PngImage.Encode(test.Image(index), test.Shape)));
}

/// <summary>An image that was taken for another class.</summary>
internal sealed record Mistake(
    int Index, int Label, int Predicted, double Certainty, double Loss, byte[] Png);
