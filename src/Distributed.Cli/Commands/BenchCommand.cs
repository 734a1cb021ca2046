using System.CommandLine;
using Distributed.Cli.Bench;
using Distributed.Cli.Bench.Actors;
using Distributed.Cli.Bench.AllReduce;
using Distributed.Cli.Bench.Engine;
using Distributed.Cli.Bench.Report;
using Distributed.Cli.Bench.Step;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Cli.Commands;

/// <summary>`bench`: benchmarks, in turn with peers where those are installed.</summary>
internal sealed class BenchCommand(CommandServices services)
{
    private const int RoundsDefault = 5;

    private readonly Option<bool> json = Flags.Switch(
        "--json", "Print one JSON object a line, one a measurement");

    private readonly Option<string?> report = Flags.Text(
        "--report", "Write a self-contained HTML page with plots and the environment",
        "FILE.html");

    private readonly Option<bool> install = Flags.Switch(
        "--install-peers", "First install the peers through apt: PyTorch, OpenMPI, tcmalloc");

    private readonly Option<int?> rounds = Flags.Whole(
        "--rounds", 1, $"Rounds; ours and the peers take turns [default: {RoundsDefault}]");

    public static Command Create(CommandServices services)
    {
        var bench = new BenchCommand(services);
        foreach (Option shared in new Option[] { bench.json, bench.report, bench.install,
            bench.rounds })
            shared.Recursive = true;
        var command = new Command(
            "bench", "Measures this program, in turn with its peers where they are installed.")
        {
            bench.AllReduce(), bench.Step(), bench.Actors(), bench.Metrics(), bench.Startup(),
            bench.TensorBoard(), bench.Engine(), bench.EngineValues(), bench.Rank(), bench.json,
            bench.report, bench.install, bench.rounds,
        };
        command.SetAction(bench.ShowPeers);
        return command;
    }

    /// <summary>The script has installed them; without a benchmark that is all there is.</summary>
    private int ShowPeers(ParseResult parsed)
    {
        if (!parsed.GetValue(install))
        {
            throw new OperatingException(
                "bench needs the name of a benchmark: expected one of allreduce, step, actors, "
                + "metrics, startup, tensorboard, engine; see ./distributed bench --help",
                ExitCodes.BadUsage);
        }

        foreach (string line in Peers.Describe())
            services.Terminal.Output.WriteLine(line);
        return ExitCodes.Done;
    }

    private Command AllReduce()
    {
        var transports = BenchFlags.Words(
            "--transport", "How gradients travel [default: both]",
            AllReduceOptions.TransportNames);
        var ranks = BenchFlags.Counts(
            "--ranks", "Processes [default: 2,4]", 2, AllReduceOptions.RanksMax);
        var sizes = BenchFlags.Sizes(
            "--sizes", "Bytes; a range goes in steps of 4 [default: 4KiB..256MiB]",
            AllReduceOptions.BytesMax);
        var reductions = BenchFlags.Words(
            "--reduction", "Order of the additions [default: exact]",
            AllReduceOptions.ReductionNames);
        var peers = BenchFlags.PeerNames(Peers.Gloo, Peers.OpenMpi);
        var hosts = BenchFlags.Addresses(
            "--hosts", "Where each rank listens, instead of on loopback; grpc only");
        Option<string?> launcher = Launcher();
        var command = new Command(
            "allreduce", "All-reduce between processes; peers: Gloo and OpenMPI.")
        {
            transports, ranks, sizes, reductions, peers, hosts, launcher,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(hosts) is null)
                return;
            if (result.GetResult(ranks) is not null)
                result.AddError("--hosts says how many ranks there are: leave --ranks out");
            if (result.GetValue(transports) is not ["grpc"])
                result.AddError("--hosts are reached by grpc only: give --transport grpc");
            if (result.GetValue(peers)?.Contains(Peers.OpenMpi) == true)
                result.AddError("--hosts: of the peers only gloo is measured between hosts");
        });
        Run("bench allreduce", command, async (parsed, output, cancellation) =>
        {
            IReadOnlyList<string> addresses = parsed.GetValue(hosts) ?? [];
            var options = new AllReduceOptions(
                parsed.GetValue(transports) ?? AllReduceOptions.TransportNames,
                addresses.Count > 0 ? [addresses.Count] : parsed.GetValue(ranks) ?? [2, 4],
                parsed.GetValue(sizes) ?? ByteSizes.ParseList("4KiB..256MiB")!,
                parsed.GetValue(reductions) ?? ["exact"],
                parsed.GetValue(rounds) ?? RoundsDefault, parsed.GetValue(peers), addresses,
                parsed.GetValue(launcher) ?? "");
            await new AllReduceBench(options, output, cancellation).RunAsync();
        });
        return command;
    }

    private Command Step()
    {
        var flags = new BenchStepFlags(Launcher());
        Run("bench step", flags.Command, async (parsed, output, cancellation) =>
            await new StepBench(
                flags.Read(parsed, parsed.GetValue(rounds) ?? RoundsDefault), output,
                cancellation).RunAsync());
        return flags.Command;
    }

    private static Option<string?> Launcher() => Flags.Text(
        "--launcher", "Words in front of each rank's own; {rank} is its number", "WORDS");

    private Command Actors()
    {
        var command = new Command(
            "actors", "Messages and heartbeats a second, on one core.");
        Run("bench actors", command, (parsed, output, _) =>
        {
            ActorsBench.Run(parsed.GetValue(rounds) ?? RoundsDefault, output);
            return Task.CompletedTask;
        });
        return command;
    }

    private Command Metrics()
    {
        const double secondsDefault = 10;
        Option<double?> seconds = Flags.PositiveNumber(
            "--seconds", $"Of a round [default: {secondsDefault}]");
        var command = new Command(
            "metrics", "Processor time for 10,000 points a second on record.")
        {
            seconds,
        };
        Run("bench metrics", command, (parsed, output, cancellation) =>
            new MetricsBench(output, cancellation).RunAsync(
                parsed.GetValue(rounds) ?? RoundsDefault,
                parsed.GetValue(seconds) ?? secondsDefault));
        return command;
    }

    private Command TensorBoard()
    {
        const int workersDefault = 2, epochsDefault = 50, roundsDefault = 3;
        Option<int?> workers = Flags.Whole(
            "--workers", 1, $"Worker processes [default: {workersDefault}]");
        Option<int?> epochs = Flags.Whole(
            "--epochs", 3, $"Of each run; the first one warms up [default: {epochsDefault}]");
        Option<string[]> settings = Flags.Settings(
            "Any key of the run spec, such as dataset.name=fashion-mnist instead of drawn images");
        var command = new Command(
            "tensorboard",
            "What showing a run in full costs: runs with and without, in turn; 3 rounds.")
        {
            workers, epochs, settings,
        };
        Run("bench tensorboard", command, (parsed, output, cancellation) =>
            new TensorBoardBench(
                parsed.GetValue(workers) ?? workersDefault,
                parsed.GetValue(epochs) ?? epochsDefault, parsed.GetValue(settings) ?? [],
                output, cancellation).RunAsync(parsed.GetValue(rounds) ?? roundsDefault));
        return command;
    }

    private Command Startup()
    {
        var command = new Command("startup", "Until a command, a coordinator, a worker is up.");
        Run("bench startup", command, (parsed, output, cancellation) =>
            new StartupBench(output, cancellation).RunAsync(
                parsed.GetValue(rounds) ?? RoundsDefault));
        return command;
    }

    private Command Engine()
    {
        Option<string?> device = Flags.Text(
            "--device", "Which to check [default: cuda]", "cpu|cuda|cuda:N");
        var precisions = BenchFlags.Words(
            "--precision", "Arithmetic of the networks [default: both]",
            EngineBench.PrecisionNames);
        var only = BenchFlags.Words("--only", "Some of the checks [default: all]", EngineCases());
        var command = new Command(
            "engine",
            "Does a device compute what it should? All layers, presets and optimizers against "
            + "float64 on the processor.")
        {
            device, precisions, only,
        };
        Run("bench engine", command, (parsed, output, _) =>
        {
            new EngineBench(
                parsed.GetValue(device) ?? "cuda",
                parsed.GetValue(precisions) ?? EngineBench.PrecisionNames,
                parsed.GetValue(only) ?? EngineCases(), output).Run();
            return Task.CompletedTask;
        });
        return command;
    }

    private static IReadOnlyList<string> EngineCases() =>
        [.. EngineCase.All.Select(checkedCase => checkedCase.Name)];

    /// <summary>What `bench engine` starts.</summary>
    private Command EngineValues()
    {
        Option<string?> device = Flags.Text("--device", "", "DEVICE");
        Option<string?> precision = Flags.Choice(
            "--precision", "", EngineBench.Reference, "fp32", "bf16");
        var only = BenchFlags.Words("--only", "", EngineCases());
        Option<string?> file = Flags.Text("--out", "", "FILE");
        foreach (Option required in new Option[] { device, precision, only, file })
            required.Required = true;
        var command = new Command(EngineBench.ValuesCommand, "One device's part of bench engine.")
        {
            device, precision, only, file,
        };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            TorchLibrary.Initialize(
                Math.Min(Environment.ProcessorCount, 8), parsed.GetValue(device)!);
            using var output = new BinaryWriter(File.Create(parsed.GetValue(file)!));
            new EngineValues(
                parsed.GetValue(precision) switch
                {
                    EngineBench.Reference => TrainerPrecision.Double,
                    "bf16" => TrainerPrecision.Bfloat16,
                    _ => TrainerPrecision.Single,
                },
                section => section.WriteTo(output)).Compute(parsed.GetValue(only)!);
            return ExitCodes.Done;
        });
        return command;
    }

    /// <summary>What `bench allreduce` starts.</summary>
    private Command Rank()
    {
        Option<string?> transport = Flags.Choice("--transport", "", "shm", "grpc");
        Option<string?> reduction = Flags.Choice("--reduction", "", "exact", "fast");
        Option<int?> rank = Flags.Whole("--rank", 0, "");
        Option<int?> capacity = Flags.Whole("--capacity", 1, "");
        Option<string?> listen = Flags.Text("--listen", "", "HOST:PORT");
        Option<bool> supervised = Flags.Switch(NodeCommandLines.SupervisedFlag, "");
        foreach (Option required in new Option[] { transport, reduction, rank, capacity, listen })
            required.Required = true;
        var command = new Command("rank", "One rank of bench allreduce.")
        {
            transport, reduction, rank, capacity, listen, supervised,
        };
        command.Hidden = true;
        command.SetAction(async (parsed, _) =>
        {
            await RankProgram.RunAsync(
                new RankOptions(
                    parsed.GetValue(transport)!, parsed.GetValue(rank)!.Value,
                    parsed.GetValue(reduction) == "fast"
                        ? ReductionOrder.Fast
                        : ReductionOrder.Exact,
                    parsed.GetValue(listen)!, parsed.GetValue(capacity)!.Value),
                Console.In, services.Terminal.Output);
            return ExitCodes.Done;
        });
        return command;
    }

    private void Run(
        string name, Command command,
        Func<ParseResult, BenchOutput, CancellationToken, Task> measure) =>
        command.SetAction(async (parsed, cancellation) =>
        {
            BenchReport? page = parsed.GetValue(report) is { } path
                ? new BenchReport(
                    path, name, $"./distributed {string.Join(' ', WordsOf(parsed))}",
                    services.Terminal.Clock.GetUtcNow(),
                    Machine.Describe(withPeers: command.Name is "allreduce" or "step"))
                : null;
            page?.Save(); // What cannot be written is said before minutes have passed.
            await measure(
                parsed, new BenchOutput(services.Terminal, parsed.GetValue(json), page),
                cancellation);
            page?.Save();
            return ExitCodes.Done;
        });

    private static IEnumerable<string> WordsOf(ParseResult parsed) => parsed.Tokens.Select(
        token => token.Value.Contains(' ', StringComparison.Ordinal)
            ? $"'{token.Value}'"
            : token.Value);
}
