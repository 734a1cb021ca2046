using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>Makes schedulers, and says what is wrong with their settings.</summary>
public static class Schedulers
{
    /// <param name="spec">One for which <see cref="Problem"/> finds none.</param>
    /// <param name="space">What the sweep varies.</param>
    /// <param name="epochs">How many a trial has that nobody stops.</param>
    /// <param name="seed">Only population-based training draws.</param>
    /// <param name="deterministic">Whether to decide as if the trials had run one after the other,
    /// in the order of their numbers, and to wait for that; otherwise by what has come in.</param>
    public static ITrialScheduler Create(
        SchedulerSpec spec, SearchSpace space, int epochs, ulong seed, bool deterministic) =>
        spec switch
        {
            NoSchedulerSpec => new NoScheduler(),
            MedianSpec median => new MedianScheduler(median, epochs, deterministic),
            AshaSpec asha => new AshaScheduler(asha, epochs, deterministic),
            PbtSpec pbt => new PbtScheduler(pbt, space, epochs, seed),
            _ => throw new ArgumentException($"{spec} is no known scheduler"),
        };

    /// <summary>
    /// Why trials of so many epochs cannot be scheduled in that way, for the reader of the file
    /// that asks for it; null where they can.
    /// </summary>
    public static string? Problem(SchedulerSpec spec, int epochs) => spec switch
    {
        MedianSpec median => MedianProblem(median, epochs),
        AshaSpec asha => AshaProblem(asha, epochs),
        PbtSpec pbt => PbtProblem(pbt, epochs),
        _ => null,
    };

    private static string? MedianProblem(MedianSpec spec, int epochs) =>
        spec.EveryEpochs < 1 ? "median judges every epoch or every few, not every "
            + $"{spec.EveryEpochs}"
        : spec.GraceEpochs < 0 ? $"median cannot have {spec.GraceEpochs} epochs of grace"
        : spec.TrialsMin < 1 ? "median compares with a trial or more"
        : !new MedianScheduler(spec, epochs, deterministic: true).Rungs.Any()
            ? $"median never judges: no epoch before the last of {epochs} is a multiple of "
                + $"{spec.EveryEpochs} and at least {spec.GraceEpochs}"
        : null;

    private static string? AshaProblem(AshaSpec spec, int epochs)
    {
        if (spec.Divisor < 2)
            return $"asha needs a divisor of 2 or more, not {spec.Divisor}";
        if (spec.RungsMax < 2)
            return $"asha needs 2 rungs or more, the last epoch being one, not {spec.RungsMax}";
        if (epochs < spec.Divisor)
        {
            return $"asha with divisor {spec.Divisor} needs {spec.Divisor} epochs or more; there "
                + $"are {epochs}";
        }
        int rungs = new AshaScheduler(spec, epochs, deterministic: true).Rungs.Count + 1;
        return spec.Brackets < 1 ? "asha needs a bracket or more"
            : spec.Brackets > rungs
                ? $"asha has {rungs} rungs in {epochs} epochs with divisor {spec.Divisor}, which "
                    + $"is not enough for {spec.Brackets} brackets"
            : null;
    }

    private static string? PbtProblem(PbtSpec spec, int epochs) =>
        spec.EveryEpochs < 1 || spec.EveryEpochs >= epochs
            ? $"pbt needs an interval between 1 and {epochs - 1} epochs, not {spec.EveryEpochs}"
        : spec.Quantile is not (> 0 and <= 0.5)
            ? $"pbt replaces a share above 0 and at most 0.5, not {spec.Quantile}"
        : spec.Resample is not (>= 0 and <= 1)
            ? $"pbt resamples with a probability from 0 to 1, not {spec.Resample}"
        : null;
}
