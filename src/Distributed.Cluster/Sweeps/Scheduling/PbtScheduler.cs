using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>
/// Truncation selection: after each interval, once all that still run have come there, each of the
/// worst takes over the state of one of the best. None begins the next interval's judgement before
/// all have left this one, so that the best ones' parameters are still those they came with, in
/// whatever order trials are judged.
/// </summary>
internal sealed class PbtScheduler(PbtSpec spec, SearchSpace space, int epochs, ulong seed)
    : ITrialScheduler
{
    private const double Down = 0.8;
    private const double Up = 1.2;

    private readonly Domain domain = new(space);

    public IReadOnlyList<int> Rungs { get; } = [.. Enumerable.Range(1, Math.Max(epochs - 1, 0))
        .Where(epoch => epoch % spec.EveryEpochs == 0)];

    public Verdict Judge(int trial, int epoch, IReadOnlyList<TrialProgress> trials)
    {
        double loss = Rung.LossAt(trial, epoch, trials);
        if (Rung.StopWithoutLoss(loss, epoch) is { } stop)
            return stop;
        if (Rung.WaitFor(trials, epoch) is { } wait)
            return wait;
        // Whoever came here counts, even if it has ended since: what others decide must not depend
        // on when they ask.
        TrialProgress[] population = [.. trials
            .Where(one => Rung.LossAt(one, epoch) is { } its && double.IsFinite(its))
            .OrderBy(one => Rung.LossAt(one, epoch)).ThenBy(one => one.Number)];
        int share = Math.Min(
            Math.Max((int)(population.Length * spec.Quantile), 1), population.Length / 2);
        int rank = Array.FindIndex(population, one => one.Number == trial);
        string place = $"{Rung.Show(loss)} is {Rung.Ordinal(rank + 1)} of {population.Length} "
            + $"after {Rung.Epochs(epoch)}";
        if (rank < population.Length - share)
            return new Verdict.GoOn($"{place}; the last {share} are replaced");
        var draws = Draws.Of(seed, trial, epoch, DrawPurpose.Exploit);
        TrialProgress source = population[draws.Below(share)];
        string sourceLoss = Rung.Show(Rung.LossAt(source, epoch)!.Value);
        return new Verdict.Exploit(
            source.Number, Explore(source.Parameters, draws),
            $"{place}; goes on from trial {source.Number} with {sourceLoss}");
    }

    /// <summary>Numbers move up or down by a fifth or are drawn anew, options are kept or drawn
    /// anew, and so is what only now is there.</summary>
    private IReadOnlyList<ParameterValue> Explore(
        IReadOnlyList<ParameterValue> parameters, Draws draws)
    {
        double[] before = domain.Parse(parameters);
        double[] after = domain.Nothing();
        for (int index = 0; index < after.Length; index++)
        {
            Axis axis = domain.Axes[index];
            // Drawn whether or not it is used, so that a dimension's draws are always the same.
            bool isResampled = draws.Unit() < spec.Resample;
            double anew = axis.FromUnit(draws.Unit());
            bool isUp = draws.Unit() < 0.5;
            if (!domain.IsPresent(index, after))
                continue;
            after[index] = isResampled || double.IsNaN(before[index]) ? anew
                : axis.IsChoice ? before[index]
                : Perturb(axis, before[index], isUp);
        }
        return domain.Format(after);
    }

    private static double Perturb(Axis axis, double value, bool isUp)
    {
        double moved = axis.Nearest(value * (isUp ? Up : Down));
        // A fifth may be less than a step.
        return moved == value && axis.IsDiscrete ? axis.Neighbour(value, isUp ? 1 : -1) : moved;
    }
}
