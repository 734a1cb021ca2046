using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Training.Optimization;

/// <summary>
/// The learning rate of every step, as a pure function. It uses only operations that IEEE 754
/// rounds the same everywhere, because the rate is part of a run's bits.
/// </summary>
public static class Schedule
{
    /// <summary>The rate of the step that follows <paramref name="stepsDone"/> steps.</summary>
    /// <param name="peakRate">The optimizer's learning rate, which the factors multiply.</param>
    public static double LearningRate(
        ScheduleSpec schedule, double peakRate, long stepsDone, long totalSteps,
        long stepsPerEpoch)
    {
        Invariant.Check(stepsDone >= 0 && stepsPerEpoch > 0,
            $"step {stepsDone} of {totalSteps}, {stepsPerEpoch} an epoch, has no learning rate");
        return peakRate * Factor(schedule, stepsDone, totalSteps, stepsPerEpoch);
    }

    private static double Factor(
        ScheduleSpec schedule, long stepsDone, long totalSteps, long stepsPerEpoch)
    {
        var warmup = schedule.WarmupSteps > 0
            ? schedule.WarmupSteps
            : (long)Math.Ceiling(schedule.WarmupEpochs * stepsPerEpoch);
        if (stepsDone < warmup)
            return (stepsDone + 1.0) / warmup;
        switch (schedule.Kind)
        {
            case ScheduleKind.Step:
                return Power(schedule.Gamma, stepsDone / stepsPerEpoch / schedule.StepEpochs);
            case ScheduleKind.Cosine:
                var progress = Share(stepsDone - warmup, totalSteps - warmup);
                return Between(1, schedule.FinalFraction, (1 - CosineOfPi(progress)) / 2);
            case ScheduleKind.OneCycle:
                return OneCycle(schedule, Share(stepsDone, totalSteps));
            default:
                return 1;
        }
    }

    /// <summary>Up in a straight line, and down in another.</summary>
    private static double OneCycle(ScheduleSpec schedule, double progress)
    {
        var rise = schedule.RiseFraction;
        return progress < rise
            ? Between(schedule.InitialFraction, 1, progress / rise)
            : Between(1, schedule.FinalFraction, rise < 1 ? (progress - rise) / (1 - rise) : 0);
    }

    private static double Between(double start, double end, double share) =>
        start + ((end - start) * share);

    private static double Share(long part, long whole) =>
        whole <= 0 ? 1 : Math.Min(1, (double)part / whole);

    private static double Power(double factor, long exponent)
    {
        // By squaring, so that a long run does not take a loop of its length.
        var result = 1.0;
        while (exponent > 0)
        {
            if ((exponent & 1) == 1)
                result *= factor;
            factor *= factor;
            exponent >>= 1;
        }
        return result;
    }

    /// <summary>
    /// cos(pi * x) for x in [0, 1] by its Taylor series, which within a quarter turn is exact to
    /// the last bits after eleven terms. The C library's cosine differs between versions.
    /// </summary>
    internal static double CosineOfPi(double x)
    {
        if (x > 0.5)
            return -CosineOfPi(1 - x);
        const int terms = 11;
        var square = Math.PI * x * (Math.PI * x);
        var sum = 1.0;
        for (var term = terms; term >= 1; term--)
            sum = 1 - (square / ((2 * term) - 1) / (2 * term) * sum);
        return sum;
    }
}
