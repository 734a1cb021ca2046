using System.Globalization;

namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>What has come to an epoch.</summary>
internal static class Rung
{
    private const int NamedMax = 3;

    /// <summary>A trial's loss after an epoch, worst of all where it is not a number; null where
    /// the trial has not come there.</summary>
    public static double? LossAt(TrialProgress trial, int epoch)
    {
        foreach (EpochResult result in trial.Results)
        {
            if (result.Epoch == epoch)
                return double.IsFinite(result.Loss) ? result.Loss : double.PositiveInfinity;
        }
        return null;
    }

    /// <summary>The loss after an epoch of a trial that has come there.</summary>
    public static double LossAt(int trial, int epoch, IReadOnlyList<TrialProgress> trials)
    {
        TrialProgress progress = trial < trials.Count && trials[trial].Number == trial
            ? trials[trial] : trials.First(one => one.Number == trial);
        return LossAt(progress, epoch)
            ?? throw new ArgumentException($"trial {trial} has no result after epoch {epoch}");
    }

    /// <summary>The verdict where there is no loss to go by; otherwise null.</summary>
    public static Verdict? StopWithoutLoss(double loss, int epoch) => double.IsFinite(loss)
        ? null : new Verdict.Stop($"its loss after {Epochs(epoch)} is not a number");

    /// <summary>The verdict where one of these has yet to come to the epoch; otherwise null.
    /// </summary>
    public static Verdict? WaitFor(IEnumerable<TrialProgress> others, int epoch)
    {
        int[] missing = [.. others
            .Where(other => !other.HasEnded && LossAt(other, epoch) is null)
            .Select(other => other.Number)];
        if (missing.Length == 0)
            return null;
        string named = string.Join(", ", missing.Take(NamedMax))
            + (missing.Length > NamedMax ? $" and {missing.Length - NamedMax} more" : "");
        string trials = missing.Length == 1 ? "trial" : "trials";
        return new Verdict.Wait($"{trials} {named} must come to epoch {epoch} first");
    }

    /// <summary>The losses of these at that epoch, of those who came there.</summary>
    public static List<double> Losses(IEnumerable<TrialProgress> others, int epoch) =>
        [.. others.Select(other => LossAt(other, epoch)).OfType<double>()];

    public static string Epochs(int count) => count == 1 ? "1 epoch" : $"{count} epochs";

    /// <summary>
    /// As people know the metric. None is ever negative: what is to be large comes here with its
    /// sign turned.
    /// </summary>
    public static string Show(double loss) =>
        Math.Abs(loss).ToString("G4", CultureInfo.InvariantCulture);

    public static string Ordinal(int rank) => rank + ((rank % 100) is >= 11 and <= 13
        ? "th"
        : (rank % 10) switch { 1 => "st", 2 => "nd", 3 => "rd", _ => "th" });
}
