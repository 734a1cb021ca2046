using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Distributed.Cli.Output;
using Distributed.Kernel;
using Distributed.Simulation;

namespace Distributed.Cli.Commands;

/// <summary>
/// `sim`: whole clusters in simulated time, with faults, one history a seed. Stops at the first
/// broken promise, with the command that shows it again and a smaller one.
/// </summary>
internal static class SimCommand
{
    private const int NodesDefault = 16;
    private const double HoursDefault = 1;

    public static Command Create(CommandServices services)
    {
        Option<ulong?> seed = Flags.Whole<ulong>(
            "--seed", 0, "The seed of one history [default: 1]");
        Option<SeedRange?> seeds = Seeds();
        Option<int?> nodes = Flags.Whole(
            "--nodes", 1,
            $"Worker processes, at most {SimulationOptions.NodesMax} [default: {NodesDefault}]");
        Option<double?> hours = Flags.PositiveNumber(
            "--hours", $"Simulated time [default: {HoursDefault}]");
        Option<int?> jobs = Flags.Whole(
            "--jobs", 1, "Histories that run side by side [default: one a processor]");
        Option<FaultClasses> without = Without();
        Option<bool> log = Flags.Switch(
            "--log", "Write everything that happens to standard error");
        var command = new Command(
            "sim", "Simulates clusters with faults and checks every promise; one line a seed.")
        {
            seed, seeds, nodes, hours, jobs, without, log,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(seed) is not null && result.GetResult(seeds) is not null)
                result.AddError("--seed and --seeds: expected one of them");
            if (result.GetValue(nodes) > SimulationOptions.NodesMax)
                result.AddError(
                    $"--nodes: expected at most {SimulationOptions.NodesMax}");
        });
        command.SetAction((parsed, cancellation) =>
        {
            ulong first = parsed.GetValue(seed) ?? 1;
            SeedRange range = parsed.GetValue(seeds) ?? new SeedRange(first, first);
            var options = new SimulationOptions
            {
                Seed = range.First,
                Nodes = parsed.GetValue(nodes) ?? NodesDefault,
                Hours = parsed.GetValue(hours) ?? HoursDefault,
                Without = parsed.GetValue(without),
            };
            int jobCount = parsed.GetValue(jobs) ?? Environment.ProcessorCount;
            return RunAsync(
                options, range, parsed.GetValue(log) ? 1 : jobCount, parsed.GetValue(log),
                services.Terminal, cancellation);
        });
        return command;
    }

    /// <summary>The words after `./distributed` that simulate this history.</summary>
    internal static string WordsOf(SimulationOptions options)
    {
        string words = string.Create(
            CultureInfo.InvariantCulture,
            $"sim --seed {options.Seed} --nodes {options.Nodes} --hours {options.Hours}");
        return options.Without == FaultClasses.None
            ? words
            : $"{words} --without {FaultNames.Join(options.Without)}";
    }

    private static async Task<int> RunAsync(
        SimulationOptions options, SeedRange seeds, int jobCount, bool log, Terminal terminal,
        CancellationToken cancellation)
    {
        using var room = new SemaphoreSlim(jobCount);
        var running = new Queue<Task<SimulationReport>>();
        Action<string>? sink = log ? terminal.Error.WriteLine : null;
        ulong next = seeds.First;
        bool isLast = false;
        while (!isLast || running.Count > 0)
        {
            // More than run at once, so that a long one does not hold up the others.
            while (!isLast && running.Count < 2 * jobCount)
            {
                SimulationOptions one = options with { Seed = next };
                running.Enqueue(Task.Run(
                    async () =>
                    {
                        await room.WaitAsync(cancellation);
                        SimulationReport report = Simulation.Simulation.Run(one, sink);
                        room.Release();
                        return report;
                    },
                    cancellation));
                isLast = next++ == seeds.Last;
            }

            SimulationReport done = await running.Dequeue().WaitAsync(cancellation);
            Print(done, terminal);
            if (done.Violation is not null)
            {
                Explain(options with { Seed = done.Seed }, done.Violation, terminal);
                return ExitCodes.OperatingError;
            }
        }

        return ExitCodes.Done;
    }

    private static void Print(SimulationReport report, Terminal terminal) => JsonLine.WriteTo(
        terminal.Output,
        new
        {
            report.Seed,
            report.Nodes,
            SimulatedSeconds = Math.Round(report.SimulatedSeconds, 3),
            report.Events,
            report.Faults,
            report.Steps,
            report.TraceHash,
            Violations = report.Violation is null ? 0 : 1,
        });

    private static void Explain(
        SimulationOptions options, Violation violation, Terminal terminal)
    {
        terminal.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"distributed: seed {options.Seed} after {violation.AtSeconds:0.###} s: "
            + $"{violation.Kind}: {violation.Text}"));
        terminal.Error.WriteLine($"  again:   ./distributed {WordsOf(options)}");
        SimulationOptions smaller = Shrinker.Shrink(options, violation);
        if (smaller != options)
            terminal.Error.WriteLine($"  smaller: ./distributed {WordsOf(smaller)}");
    }

    private static Option<SeedRange?> Seeds() => new("--seeds")
    {
        Description = "The seeds from A to B",
        HelpName = "A..B",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            string[] ends = text.Split("..");
            if (ends.Length == 2
                && ulong.TryParse(
                    ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong first)
                && ulong.TryParse(
                    ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong last)
                && first <= last)
                return new SeedRange(first, last);
            result.AddError($"--seeds '{text}': expected two numbers, such as 1..1000");
            return null;
        },
    };

    private static Option<FaultClasses> Without()
    {
        string[] names = [.. FaultNames.Each.Select(FaultNames.Of)];
        var option = new Option<FaultClasses>("--without")
        {
            Description = $"Faults to leave out, such as links,pauses: {string.Join(", ", names)}",
            HelpName = "FAULTS",
            CustomParser = result =>
            {
                FaultClasses faults = FaultClasses.None;
                foreach (string name in result.Tokens[0].Value.Split(','))
                {
                    if (FaultNames.Parse(name) is { } fault)
                        faults |= fault;
                    else
                        result.AddError(UnknownFault(name, names));
                }

                return faults;
            },
        };
        option.CompletionSources.Add(names);
        return option;
    }

    private static string UnknownFault(string name, string[] known)
    {
        string suggestion = UsageError.Suggestion(name, known);
        return suggestion.Length > 0
            ? $"--without '{name}'{suggestion}"
            : $"--without '{name}'; expected some of {string.Join(", ", known)}";
    }

    private sealed record SeedRange(ulong First, ulong Last);
}
