using Distributed.Training.Specification;

namespace Distributed.Dashboard.Reports;

/// <summary>Commands as a reader can paste them into a shell.</summary>
internal static class Shell
{
    /// <summary>Trains what is in a run folder once more; null leaves the workers open.</summary>
    public static string TrainAgain(string folder, int? workers)
    {
        string spec = Quoted(Path.Combine(folder, RunRecord.FileName));
        string option = workers is { } count ? $" --workers {count}" : "";
        return $"./distributed train --model {spec}{option} --out runs/again";
    }

    private static string Quoted(string word) =>
        word.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-".Contains(letter))
            ? word
            : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
