using Distributed.Cli.Commands;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Runs;

namespace Distributed.Cli.Exercises;

/// <summary>Exercise 1: train the course's network and look at it in TensorBoard.</summary>
internal static class TrainingExercise
{
    public const int Number = 1;

    private const int QuickTrainSamples = 12_000;
    private const int QuickEpochs = 2;

    /// <summary>The run that it trains: with nothing said, train's own defaults.</summary>
    public static TrainOptions Options(
        string folder, bool isQuick, bool isResumed, IReadOnlyList<string> settings) => new()
        {
            TrainLimit = isQuick && !isResumed ? QuickTrainSamples : null,
            Epochs = isQuick && !isResumed ? QuickEpochs : null,
            Settings = settings,
            OutputFolder = folder,
            Resume = isResumed,
        };

    /// <summary>The run's report, which says how to open the run in TensorBoard.</summary>
    public static Report Report(string folder, CancellationToken cancellation)
    {
        Report run = RunReport.Build(folder, cancellation);
        var open = new Section(
            "TensorBoard",
            "The run's folder holds event files: TensorBoard shows loss, accuracy and learning "
                + "rate over the steps, and where each worker's time went. What it shows is below "
                + "too, without it.",
            [new CodeBlock("The command that opens it", Open(folder))]);
        return run with
        {
            Title = "Exercise 1: training, and looking at it in TensorBoard",
            Sections = [.. run.Sections.Take(1), open, .. run.Sections.Skip(1)],
        };
    }

    public static string Open(string folder) => $"./distributed tensorboard {folder}";
}
