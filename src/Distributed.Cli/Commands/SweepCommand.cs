using System.CommandLine;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;

namespace Distributed.Cli.Commands;

/// <summary>
/// `sweep`: runs many trials of one run spec, and orders a sweep about that runs.
/// </summary>
internal static class SweepCommand
{
    public static Command Create(CommandServices services)
    {
        Argument<string?> file = Flags.Words<string?>(
            "FILE.yaml", "The sweep file: what is run, what varies, how much",
            ArgumentArity.ZeroOrOne);
        Option<string[]> settings = Flags.Settings(
            "Any key of the sweep file, such as trials=20 or run.epochs=3; repeatable");
        Option<int?> workers = Flags.Whole(
            "--workers", 1,
            "Worker processes to start on this machine [default: one a processor]");
        Option<string?> cluster = Flags.Text(
            "--cluster", "Submit to this running cluster instead of starting workers",
            "HOST:PORT[,HOST:PORT…]");
        Option<string?> configuration = ConfigurationFlag.Create();
        Option<string?> output = Flags.Text(
            "--out", "The sweep's folder; never overwritten [default: sweeps/<date>-<name>]",
            "DIR");
        Option<bool> resume = Flags.Switch(
            "--resume", "Go on with the sweep in --out, or with the newest under sweeps/");
        Option<bool> retryFailed = Flags.Switch(
            "--retry-failed", "With --resume: try trials that failed once more");
        Option<bool> preview = Flags.Switch(
            "--preview", "Only print what would be run, and what it would cost");
        Option<bool> json = Flags.Switch(
            "--json", "Print one JSON object a line on standard output and nothing else");
        var command = new Command(
            "sweep",
            "Tries many settings of a run, several at a time, and says which are best. What a"
            + " killed process had begun goes on.")
        {
            file, settings, workers, cluster, configuration, output, resume, retryFailed, preview,
            json,
            CreatePause(services), CreateResume(services), CreateStop(services),
            CreateAdd(services), CreateRetry(services), CreateExport(services),
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(workers) is not null && result.GetResult(cluster) is not null)
                result.AddError("--workers starts workers here and --cluster uses those of a"
                    + " cluster: expected one of the two");
            ConfigurationFlag.Check(result, configuration, cluster);
            if (result.GetValue(file) is null == !result.GetValue(resume))
                result.AddError("expected the sweep file, or --resume");
            if (result.GetValue(retryFailed) && !result.GetValue(resume))
                result.AddError("--retry-failed goes with --resume: expected both");
        });
        command.SetAction((parsed, cancellation) =>
        {
            var options = new SweepOptions(
                parsed.GetValue(file), parsed.GetValue(settings) ?? [], parsed.GetValue(workers),
                parsed.GetValue(cluster)?.Split(',', StringSplitOptions.TrimEntries),
                parsed.GetValue(output), parsed.GetValue(resume), parsed.GetValue(preview),
                parsed.GetValue(json))
            {
                Configuration = ConfigurationFlag.Read(parsed, configuration),
                RetryFailed = parsed.GetValue(retryFailed),
            };
            return services.Nodes.SweepAsync(options, services.Terminal, cancellation);
        });
        return command;
    }

    private static Command CreatePause(CommandServices services) => Ordering(
        services, "pause", "Has the trials that run save their state, and begins no more.",
        "paused", sweep => new PauseSweep(sweep, "somebody asked for it"));

    private static Command CreateResume(CommandServices services) => Ordering(
        services, "resume", "Goes on with a sweep that was paused while its cluster runs.",
        "goes on", sweep => new ResumeSweep(sweep));

    private static Command CreateStop(CommandServices services) => Ordering(
        services, "stop", "Ends a sweep: trials that run save their state, none is begun.",
        "stops", sweep => new StopSweep(sweep, "somebody asked for it"));

    private static Command Ordering(
        CommandServices services, string name, string description, string done,
        Func<ulong, SweepOrder> order)
    {
        Argument<string> sweep = SweepArgument();
        var command = new Command(name, description) { sweep };
        command.SetAction((parsed, cancellation) => OrderAsync(
            services, parsed.GetValue(sweep)!, done, order, cancellation));
        return command;
    }

    private static Command CreateAdd(CommandServices services)
    {
        Argument<string> sweep = SweepArgument();
        var count = new Argument<int>("N") { Description = "How many trials more" };
        var command = new Command("add", "Has a sweep that runs try so many trials more.")
        {
            sweep, count,
        };
        command.SetAction((parsed, cancellation) => OrderAsync(
            services, parsed.GetValue(sweep)!, $"tries {parsed.GetValue(count)} trials more",
            number => new AddTrials(number, parsed.GetValue(count)), cancellation));
        return command;
    }

    private static Command CreateRetry(CommandServices services)
    {
        Argument<string> sweep = SweepArgument();
        var trial = new Argument<int?>("TRIAL")
        {
            Description = "The failed trial's number [default: all that failed]",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("retry", "Tries trials that failed once more.")
        {
            sweep, trial,
        };
        command.SetAction((parsed, cancellation) => OrderAsync(
            services, parsed.GetValue(sweep)!, "tries failed trials again",
            number => new RetryTrial(number, parsed.GetValue(trial) ?? -1), cancellation));
        return command;
    }

    private static Command CreateExport(CommandServices services)
    {
        Argument<string> sweep = SweepArgument();
        Option<string?> format = Flags.Choice(
            "--format", "Form of the table [default: csv]", "csv", "json");
        Option<string?> output = Flags.Text(
            "--out", "The file to write [default: standard output]", "FILE");
        var command = new Command("export", "Writes a table of all trials.")
        {
            sweep, format, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            SweepState state = await SweepResultFiles.ReadAsync(
                SweepFolder.Find(parsed.GetValue(sweep)!), cancellation);
            string text = SweepResultFiles.Export(
                state, isJson: parsed.GetValue(format) == "json");
            if (parsed.GetValue(output) is { } path)
            {
                await File.WriteAllTextAsync(path, text, cancellation);
                services.Terminal.Error.WriteLine($"distributed: wrote {path}");
            }
            else
            {
                await services.Terminal.Output.WriteAsync(text);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static Argument<string> SweepArgument() => Flags.Words<string>(
        "SWEEP", "The sweep's folder, or its name under sweeps/", ArgumentArity.ExactlyOne);

    private static async Task<int> OrderAsync(
        CommandServices services, string words, string done, Func<ulong, SweepOrder> order,
        CancellationToken cancellation)
    {
        string folder = SweepFolder.Find(words);
        await services.Nodes.OrderSweepAsync(SweepFolder.Load(folder), order, cancellation);
        services.Terminal.Error.WriteLine($"distributed: {folder} {done}");
        return ExitCodes.Done;
    }
}
