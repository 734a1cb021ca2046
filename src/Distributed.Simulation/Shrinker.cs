namespace Distributed.Simulation;

/// <summary>
/// Finds a smaller history that breaks the same kind of promise: fewer nodes, fewer kinds of
/// faults, less time. Any of them draws another history from the same seed, so each is run.
/// </summary>
public static class Shrinker
{
    private const double HoursMin = 0.02;

    /// <summary>
    /// The smallest that was found within so many runs; the options given if none was.
    /// </summary>
    public static SimulationOptions Shrink(
        SimulationOptions options, Violation violation, int runsMax = 100) =>
        Shrink(options, violation, runsMax, candidate => Simulation.Run(candidate));

    internal static SimulationOptions Shrink(
        SimulationOptions options, Violation violation, int runsMax,
        Func<SimulationOptions, SimulationReport> run)
    {
        SimulationOptions smallest = options;
        bool isSmaller = true;
        int runs = 0;
        while (isSmaller)
        {
            isSmaller = false;
            foreach (Func<SimulationOptions, SimulationOptions?> reduce in Reductions())
            {
                // What helped once may help again.
                while (runs < runsMax && reduce(smallest) is { } candidate)
                {
                    runs++;
                    if (run(candidate).Violation?.Kind != violation.Kind)
                        break;
                    smallest = candidate;
                    isSmaller = true;
                }
            }
        }

        return smallest;
    }

    /// <summary>Each makes something smaller; null where that is as small as it can be.</summary>
    private static IEnumerable<Func<SimulationOptions, SimulationOptions?>> Reductions()
    {
        foreach (FaultClasses fault in FaultNames.Each)
        {
            yield return options => options.Without.HasFlag(fault)
                ? null
                : options with { Without = options.Without | fault };
        }

        foreach ((int numerator, int denominator) in new[] { (1, 4), (1, 2), (3, 4) })
        {
            yield return options => Fewer(options, options.Nodes * numerator / denominator);
            yield return options => Shorter(options, options.Hours * numerator / denominator);
        }

        yield return options => Fewer(options, options.Nodes - 1);
        yield return options => Shorter(options, options.Hours * 0.9);
    }

    private static SimulationOptions? Fewer(SimulationOptions options, int nodes) =>
        nodes < 1 || nodes == options.Nodes ? null : options with { Nodes = nodes };

    private static SimulationOptions? Shorter(SimulationOptions options, double hours)
    {
        // Few digits, so that the command that is printed is short and exact.
        double rounded = Math.Round(hours, 3);
        return rounded < HoursMin || rounded >= options.Hours
            ? null
            : options with { Hours = rounded };
    }
}
