using System.CommandLine;
using Distributed.Cli.Output;
using Distributed.Training.Data;
using Distributed.Training.Inference;

namespace Distributed.Cli.Commands;

/// <summary>`predict`: what a trained network sees in image files.</summary>
internal static class PredictCommand
{
    private const int Shown = 3;

    public static Command Create(CommandServices services)
    {
        Argument<string> run = Flags.Words<string>(
            "RUN", "Run folder, or the name of one under runs/", ArgumentArity.ExactlyOne);
        Argument<string[]> images = Flags.Words<string[]>(
            "IMAGE", "PNG or JPEG files; scaled and cropped to what the network takes",
            ArgumentArity.OneOrMore);
        Option<bool> json = Flags.Switch("--json", "Print one JSON object a line, one an image");
        var command = new Command(
            "predict", $"Classifies images: the {Shown} likeliest classes of each.")
        {
            run, images, json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () => Run(
                parsed.GetRequiredValue(run), parsed.GetRequiredValue(images),
                parsed.GetValue(json), services.Terminal, cancellation),
            cancellation));
        return command;
    }

    private static void Run(
        string folder, string[] files, bool json, Terminal terminal,
        CancellationToken cancellation)
    {
        using TrainedRun run = TrainedRuns.Open(folder, terminal, cancellation);
        using var classifier = new Classifier(run);
        var normalizer = new ImageNormalizer(
            run.Data.Shape, run.Data.Mean, run.Data.StandardDeviation);
        foreach (string file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] pixels = ImageFile.Read(file, run.Data.Shape);
            Prediction[] likeliest = Likeliest(
                classifier.Probabilities(pixels, normalizer), run.Data.ClassNames);
            if (json)
            {
                JsonLine.WriteTo(
                    terminal.Output, new { Image = file, Predictions = likeliest });
                continue;
            }
            terminal.Output.WriteLine(Kernel.Shown.Line(file));
            foreach (Prediction prediction in likeliest)
            {
                terminal.Output.WriteLine(
                    $"  {Figures.Percent(prediction.Probability),9}  "
                    + Kernel.Shown.Line(prediction.Class));
            }
        }
    }

    internal static Prediction[] Likeliest(
        IReadOnlyList<double> probabilities, IReadOnlyList<string> classNames) =>
        [.. probabilities
            .Select((probability, label) => new Prediction(classNames[label], probability))
            .OrderByDescending(prediction => prediction.Probability)
            .Take(Shown)];

    internal sealed record Prediction(string Class, double Probability);
}
