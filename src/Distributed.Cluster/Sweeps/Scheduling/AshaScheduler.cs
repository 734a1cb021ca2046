namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>
/// At each rung one in so many goes on. A trial is judged once, when it comes there, by what came
/// there before it; so nobody waits, and a few early ones go further than their loss deserves.
/// </summary>
internal sealed class AshaScheduler : ITrialScheduler
{
    private readonly AshaSpec spec;
    private readonly bool deterministic;

    public AshaScheduler(AshaSpec spec, int epochs, bool deterministic)
    {
        this.spec = spec;
        this.deterministic = deterministic;
        var rungs = new List<int>();
        long divisor = spec.Divisor;
        while (rungs.Count < spec.RungsMax - 1 && divisor <= epochs)
        {
            rungs.Insert(0, (int)(epochs / divisor));
            divisor *= spec.Divisor;
        }
        Rungs = rungs;
    }

    public IReadOnlyList<int> Rungs { get; }

    /// <summary>
    /// Bracket b starts with about divisor^b times the epochs of bracket 0 for each trial and gets
    /// as many fewer trials (and a little more for its fewer rungs), which makes their costs alike.
    /// The trials of each are spread evenly over the numbers, by a van der Corput sequence.
    /// </summary>
    public int BracketOf(int trial)
    {
        if (spec.Brackets == 1)
            return 0;
        double[] weights = [.. Enumerable.Range(0, spec.Brackets).Select(
            bracket => Math.Pow(spec.Divisor, -bracket) / (Rungs.Count + 1 - bracket))];
        double left = RadicalInverse(trial) * weights.Sum();
        for (int bracket = 0; bracket < weights.Length - 1; bracket++)
        {
            left -= weights[bracket];
            if (left < 0)
                return bracket;
        }
        return weights.Length - 1;
    }

    public Verdict Judge(int trial, int epoch, IReadOnlyList<TrialProgress> trials)
    {
        double loss = Rung.LossAt(trial, epoch, trials);
        if (Rung.StopWithoutLoss(loss, epoch) is { } stop)
            return stop;
        int bracket = BracketOf(trial);
        if (!Rungs.Skip(bracket).Contains(epoch))
            return new Verdict.GoOn($"bracket {bracket} is not judged after {Rung.Epochs(epoch)}");
        TrialProgress[] others = [.. trials.Where(other => BracketOf(other.Number) == bracket
            && (deterministic ? other.Number < trial : other.Number != trial))];
        if (deterministic && Rung.WaitFor(others, epoch) is { } wait)
            return wait;
        int count = 1;
        int rank = 0;
        foreach (TrialProgress other in others)
        {
            if (Rung.LossAt(other, epoch) is not { } otherLoss)
                continue;
            count++;
            if (otherLoss < loss || (otherLoss == loss && other.Number < trial))
                rank++;
        }
        int goOn = Math.Max(count / spec.Divisor, 1);
        string reason = $"{Rung.Show(loss)} is {Rung.Ordinal(rank + 1)} of {count} after "
            + $"{Rung.Epochs(epoch)}; {goOn} {(goOn == 1 ? "goes" : "go")} on"
            + (spec.Brackets > 1 ? $" in bracket {bracket}" : "");
        return rank < goOn ? new Verdict.GoOn(reason) : new Verdict.Stop(reason);
    }

    private static double RadicalInverse(int number)
    {
        double inverse = 0;
        for (double digit = 0.5; number > 0; number >>= 1, digit /= 2)
            inverse += (number & 1) * digit;
        return inverse;
    }
}
