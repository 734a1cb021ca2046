namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>Stops what is worse than half of the others.</summary>
internal sealed class MedianScheduler(MedianSpec spec, int epochs, bool deterministic)
    : ITrialScheduler
{
    public IReadOnlyList<int> Rungs { get; } = [.. Enumerable.Range(1, Math.Max(epochs - 1, 0))
        .Where(epoch => epoch % spec.EveryEpochs == 0 && epoch >= spec.GraceEpochs)];

    public Verdict Judge(int trial, int epoch, IReadOnlyList<TrialProgress> trials)
    {
        double loss = Rung.LossAt(trial, epoch, trials);
        if (Rung.StopWithoutLoss(loss, epoch) is { } stop)
            return stop;
        TrialProgress[] others = [.. trials.Where(
            other => deterministic ? other.Number < trial : other.Number != trial)];
        if (deterministic && Rung.WaitFor(others, epoch) is { } wait)
            return wait;
        List<double> losses = Rung.Losses(others, epoch);
        if (losses.Count < spec.TrialsMin)
        {
            return new Verdict.GoOn(
                $"{losses.Count} others came to epoch {epoch}; {spec.TrialsMin} are needed to "
                    + "compare");
        }
        double median = Median(losses);
        string comparison = $"the median {Rung.Show(median)} of {losses.Count} others after "
            + Rung.Epochs(epoch);
        return loss > median
            ? new Verdict.Stop($"{Rung.Show(loss)} is worse than {comparison}")
            : new Verdict.GoOn($"{Rung.Show(loss)} is not worse than {comparison}");
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        int middle = values.Count / 2;
        return values.Count % 2 == 1 || double.IsInfinity(values[middle]) ? values[middle]
            : (values[middle - 1] + values[middle]) / 2;
    }
}
