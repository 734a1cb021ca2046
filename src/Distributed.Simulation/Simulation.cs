using System.Globalization;
using Distributed.Kernel;
using Distributed.Simulation.Checks;
using Distributed.Simulation.Time;

namespace Distributed.Simulation;

/// <summary>
/// Runs the actors of a whole cluster in one thread, with simulated time, network, disk, store and
/// devices, through the faults that a seed draws, and checks what they promise after every event.
/// </summary>
public static class Simulation
{
    /// <summary>One history, until its end or its first violation.</summary>
    /// <param name="options">Which.</param>
    /// <param name="log">Gets a line for everything that happens; null for none.</param>
    public static SimulationReport Run(SimulationOptions options, Action<string>? log = null) =>
        Run(options, new SimulationHooks(), log);

    internal static SimulationReport Run(
        SimulationOptions options, SimulationHooks hooks, Action<string>? log = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Invariant.Check(
            options.Nodes is > 0 and <= SimulationOptions.NodesMax && options.Hours > 0,
            "a simulation has nodes and takes time");
        var scheduler = new Scheduler(CounterRandom.Key(options.Seed, 1));
        var checker = new Checker(scheduler) { Log = log };
        var world = new SimulatedWorld(options, hooks, scheduler, checker);
        try
        {
            world.Start();
            while (checker.Violation is null && scheduler.Step(world.EndNs))
            {
            }

            if (checker.Violation is null)
                world.End();
        }
        catch (InvariantException broken)
        {
            checker.Fail("invariant", Story(broken));
        }

        return new SimulationReport(
            options.Seed, options.Nodes, Span.ToSeconds(scheduler.NowNs),
            scheduler.EventsHandled, world.Faults.Count, checker.StepsCommitted,
            scheduler.TraceHash.ToString("x16", CultureInfo.InvariantCulture), checker.Violation);
    }

    /// <summary>What was broken, and where: without the frames that every history shares.</summary>
    private static string Story(InvariantException broken)
    {
        IEnumerable<string> frames = (broken.StackTrace ?? "").Split('\n')
            .Select(frame => frame.Trim().Split(" in ")[0])
            .Where(frame => !frame.Contains("Distributed.Kernel", StringComparison.Ordinal))
            .Take(4);
        return $"{broken.Message} ({string.Join(", ", frames)})";
    }
}
