using System.CommandLine;
using Distributed.Cli.Output;
using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Inference;
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
        using TrainedRun run = TrainedRuns.Open(folder, terminal, cancellation);
        using DatasetPair? other = OpenOther(run, datasetName, terminal, cancellation);
        Dataset test = (other ?? run.Data).Test;
        using var classifier = new Classifier(run);
        TestPredictions result = TestPredictions.Of(run, classifier, test, cancellation);
        var confusion = ConfusionMatrix.Of(result, run.Data.ClassCount);
        IEnumerable<double> classAccuracy =
            Enumerable.Range(0, confusion.Classes).Select(confusion.Recall);
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
                    classAccuracy,
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
        foreach ((string name, double accuracy) in test.ClassNames.Zip(classAccuracy))
            output.WriteLine($"  {Figures.Percent(accuracy),9}  {name}");
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

    // A class without test images has no accuracy, and JSON no NaN.
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
