using System.CommandLine;
using Distributed.Cli.Output;
using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Cli.Commands;

/// <summary>`eval`: accuracy and loss of a trained network on a test set.</summary>
internal static class EvalCommand
{
    public static Command Create(CommandServices services)
    {
        Argument<string> run = Flags.Words<string>(
            "RUN", "Run folder, or the name of one under runs/", ArgumentArity.ExactlyOne);
        Option<string?> dataset = Flags.Text(
            "--dataset", "Dataset whose test images are used [default: the run's]", "NAME|DIR",
            [.. DatasetCatalog.Names]);
        Option<bool> json = Flags.Switch("--json", "Print one JSON object");
        var command = new Command("eval", "Measures a trained network on test images.")
        {
            run, dataset, json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () => Run(
                parsed.GetRequiredValue(run), parsed.GetValue(dataset), parsed.GetValue(json),
                services.Terminal, cancellation),
            cancellation));
        return command;
    }

    private static void Run(
        string folder, string? datasetName, bool json, Terminal terminal,
        CancellationToken cancellation)
    {
        using TrainedRun run = TrainedRun.Open(folder, terminal, cancellation);
        using DatasetPair? other = OpenOther(run, datasetName, terminal, cancellation);
        Dataset test = (other ?? run.Data).Test;
        using var classifier = new Classifier(run);
        Evaluation result = Evaluate(run, classifier, test, cancellation);
        if (json)
        {
            JsonLine.WriteTo(terminal.Output, new
            {
                Run = run.Folder,
                run.Checkpoint.Manifest.Step,
                Dataset = test.Name,
                Samples = test.Count,
                TestAccuracy = result.Accuracy,
                TestLoss = result.Loss,
                Classes = test.ClassNames.Zip(
                    result.ClassAccuracy,
                    (name, accuracy) => new { Name = name, Accuracy = Finite(accuracy) }),
            });
            return;
        }
        TextWriter output = terminal.Output;
        output.WriteLine(
            $"{run.Spec.Model.Name} after step {run.Checkpoint.Manifest.Step} on {test.Name}: "
            + $"{Figures.Whole(test.Count)} test images");
        output.WriteLine($"  test accuracy {Figures.Percent(result.Accuracy)}");
        output.WriteLine($"  test loss     {Figures.Ratio(result.Loss)}");
        foreach ((string name, double accuracy) in test.ClassNames.Zip(result.ClassAccuracy))
            output.WriteLine($"  {Figures.Percent(accuracy),9}  {name}");
    }

    /// <summary>
    /// In the batches in which training measures, so that the figures are the same.
    /// </summary>
    private static Evaluation Evaluate(
        TrainedRun run, Classifier classifier, Dataset test, CancellationToken cancellation)
    {
        const int BatchSamples = TrainingSession.TestBatchSamples;
        var assembler = new BatchAssembler(test, run.Data.Mean, run.Data.StandardDeviation);
        int classes = run.Data.ClassCount;
        var images = new float[BatchSamples * test.Shape.Length];
        var labels = new int[BatchSamples];
        var logits = new float[BatchSamples * classes];
        var right = new int[classes];
        var total = new int[classes];
        double lossSum = 0;
        for (int first = 0; first < test.Count; first += BatchSamples)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(BatchSamples, test.Count - first);
            assembler.Range(first, count, images, labels);
            lossSum += classifier.Evaluate(
                images.AsSpan(0, count * test.Shape.Length), labels.AsSpan(0, count),
                logits.AsSpan(0, count * classes)).LossSum;
            for (int index = 0; index < count; index++)
            {
                int label = labels[index];
                total[label]++;
                if (IndexOfLargest(logits.AsSpan(index * classes, classes)) == label)
                    right[label]++;
            }
        }
        return new Evaluation(
            (double)right.Sum() / test.Count, lossSum / test.Count,
            [.. right.Zip(total, (correct, all) => (double)correct / all)]);
    }

    private static DatasetPair? OpenOther(
        TrainedRun run, string? name, Terminal terminal, CancellationToken cancellation)
    {
        if (name is null || name == run.Spec.Dataset.Name)
            return null;
        using var progress = new FetchProgress(terminal);
        DatasetPair other = SpecifiedDataset.Fetch(
            new DatasetSpec(name), progress, cancellation);
        if (other.Shape == run.Data.Shape && other.ClassCount == run.Data.ClassCount)
            return other;
        string problem = $"dataset {name} has images of {other.Shape} and {other.ClassCount} "
            + $"classes: expected {run.Data.Shape} and {run.Data.ClassCount}, as the run has been "
            + "trained on; choose another dataset";
        other.Dispose();
        throw new OperatingException(problem);
    }

    private static int IndexOfLargest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int index = 1; index < logits.Length; index++)
        {
            if (logits[index] > logits[best])
                best = index;
        }
        return best;
    }

    // A class without test images has no accuracy, and JSON no NaN.
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private sealed record Evaluation(
        double Accuracy, double Loss, IReadOnlyList<double> ClassAccuracy);
}
