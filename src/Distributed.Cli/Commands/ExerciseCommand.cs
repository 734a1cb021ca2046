using System.CommandLine;
using Distributed.Cli.Exercises;
using Distributed.Cli.Nodes;
using Distributed.Cli.Output;
using Distributed.Cli.Reports;
using Distributed.Dashboard.Reports;
using Distributed.Kernel;

namespace Distributed.Cli.Commands;

/// <summary>`exercise`: the course's exercises, each one command that ends in a report.</summary>
internal static class ExerciseCommand
{
    private static readonly string[] Numbers = ["1", "2", "3", "4"];

    public static Command Create(CommandServices services)
    {
        Argument<string> number = Flags.Words<string>(
            "1|2|3|4",
            "1: train, and look at it in TensorBoard; 2: change the convolutional layers'"
            + " parameters; 3: which dataset is the most challenging; 4: more convolutional layers",
            ArgumentArity.ExactlyOne);
        number.CompletionSources.Add(Numbers);
        number.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !Numbers.Contains(text))
                result.AddError($"exercise '{text}': expected one of {string.Join(", ", Numbers)}");
        });
        Option<bool> quick = Flags.Switch(
            "--quick", "Fewer and shorter trainings: an answer in minutes, with less certainty");
        Option<string[]> settings = Flags.Settings(
            "Any key of the sweep file, such as seeds=5 or run.epochs=3; in exercise 1, of the run"
            + " spec; repeatable");
        Option<int?> workers = Flags.Whole(
            "--workers", 1, "Worker processes to start [default: one a processor]");
        Option<string?> output = Flags.Text(
            "--out", "Folder of results; never overwritten [default: exercises/<number>-<date>]",
            "DIR");
        Option<bool> resume = Flags.Switch(
            "--resume", "Go on with the exercise in --out, or with the newest of that number");
        Option<bool> json = Flags.Switch(
            "--json", "Print one JSON object a line on standard output and nothing else");
        var command = new Command(
            "exercise",
            "Does an exercise of the course and writes a report whose first sentence answers it.")
        {
            number, quick, settings, workers, output, resume, json,
        };
        command.SetAction((parsed, cancellation) =>
        {
            var options = new ExerciseOptions(
                int.Parse(parsed.GetRequiredValue(number), null), parsed.GetValue(quick),
                parsed.GetValue(settings) ?? [], parsed.GetValue(workers),
                parsed.GetValue(output), parsed.GetValue(resume), parsed.GetValue(json));
            return options.Number == TrainingExercise.Number
                ? TrainAsync(options, services, cancellation)
                : SweepAsync(options, services, cancellation);
        });
        return command;
    }

    private static Task<int> SweepAsync(
        ExerciseOptions options, CommandServices services, CancellationToken cancellation)
    {
        Exercise exercise = Exercise.Of(options.Number);
        string folder = FolderOf(options, services.Terminal);
        (string yaml, string origin) = exercise.SweepFile(options.Quick);
        var sweep = new SweepOptions(
            options.Resume ? null : origin, options.Settings, options.Workers, Cluster: null,
            folder, options.Resume, Preview: false, options.Json)
        {
            Exercise = exercise.Number,
            Text = yaml,
            Command = CommandOf(options),
        };
        return services.Nodes.SweepAsync(sweep, services.Terminal, cancellation);
    }

    private static async Task<int> TrainAsync(
        ExerciseOptions options, CommandServices services, CancellationToken cancellation)
    {
        string folder = FolderOf(options, services.Terminal);
        TrainOptions train = TrainingExercise.Options(
            folder, options.Quick, options.Resume, options.Settings) with
        {
            Workers = options.Workers,
            Json = options.Json,
        };
        using (var printer = RunEventPrinter.Create(services.Terminal, options.Json))
        {
            int code = await services.Nodes.TrainAsync(train, printer, cancellation);
            if (code != ExitCodes.Done)
                return code;
        }

        Report report = await Task.Run(
            () => TrainingExercise.Report(folder, cancellation), cancellation);
        IReadOnlyList<string> files = SweepReportFiles.Write(
            report, Path.Combine(folder, SweepReportFiles.PageName));
        TextWriter terminal = services.Terminal.Output;
        if (options.Json)
        {
            JsonLine.WriteTo(terminal, new { @event = "report", files, answer = report.Answer });
            return ExitCodes.Done;
        }

        foreach (string file in files)
            terminal.WriteLine($"  wrote {file}");
        terminal.WriteLine($"  {TrainingExercise.Open(folder)} shows it in TensorBoard");
        terminal.WriteLine(report.Answer);
        return ExitCodes.Done;
    }

    private static string FolderOf(ExerciseOptions options, Terminal terminal)
    {
        if (options.OutputFolder is { } named)
            return named;
        string folder = options.Resume
            ? ExerciseFolders.Newest(options.Number)
            : ExerciseFolders.New(options.Number);
        if (!options.Json)
            terminal.Error.WriteLine($"distributed: results go to {folder}");
        return folder;
    }

    private static string CommandOf(ExerciseOptions options) => string.Join(
        ' ',
        [
            $"./distributed exercise {options.Number}", .. options.Quick ? ["--quick"] : Nothing,
            .. options.Settings.Select(setting => $"--set {SweepCommandLine.Quoted(setting)}"),
        ]);

    private static string[] Nothing => [];
}

/// <summary>The flags of `exercise` as they were given.</summary>
internal sealed record ExerciseOptions(
    int Number, bool Quick, IReadOnlyList<string> Settings, int? Workers, string? OutputFolder,
    bool Resume, bool Json);
