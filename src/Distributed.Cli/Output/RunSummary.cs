using Distributed.Cluster.Jobs;

namespace Distributed.Cli.Output;

/// <summary>A finished run in a few labelled lines: what came out, and where it is.</summary>
internal static class RunSummary
{
    public static string Headline(RunCompleted run) =>
        $"done: {Figures.Whole(run.Steps)} steps, {Figures.Whole(run.Samples)} samples in "
        + $"{Figures.Duration(run.Seconds)} ({Figures.Rate(run.ImagesPerSecond)})";

    public static IEnumerable<(string Label, string Value)> Lines(RunCompleted run)
    {
        if (!double.IsNaN(run.TestAccuracy))
        {
            yield return ("test accuracy", Figures.Percent(run.TestAccuracy));
            yield return ("test loss", Figures.Ratio(run.TestLoss));
        }
        if (run.Generations > 1 || run.StepsRedone > 0)
        {
            yield return ("generations",
                $"{run.Generations} ({run.StepsRedone} steps redone, {run.StepsLost} lost)");
        }
        yield return ("parameters", $"sha256 {run.ParametersSha256}");
        yield return ("run folder", run.RunFolder);
        yield return ("checkpoints", Path.Combine(run.RunFolder, "checkpoints"));
        yield return ("TensorBoard", $"tensorboard --logdir {run.RunFolder}");
    }
}
