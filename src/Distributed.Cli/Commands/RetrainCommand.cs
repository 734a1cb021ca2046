using System.CommandLine;
using Distributed.Cli.Output;

namespace Distributed.Cli.Commands;

/// <param name="Trial">SWEEP/NUMBER.</param>
/// <param name="Workers">Processes to start; the bits do not depend on how many.</param>
/// <param name="ToEnd">Also where the trial was stopped early.</param>
internal sealed record RetrainOptions(
    string Trial, int Workers, bool ToEnd, string? OutputFolder, bool Json);

/// <summary>`retrain`: a trial of a sweep once more, to the same bits.</summary>
internal static class RetrainCommand
{
    public static Command Create(CommandServices services)
    {
        Argument<string> trial = Flags.Words<string>(
            "SWEEP/TRIAL", "The trial, such as sweeps/mine/17", ArgumentArity.ExactlyOne);
        Option<int?> workers = Flags.Whole(
            "--workers", 1,
            $"Worker processes to start here [default: {TrainOptions.DefaultWorkers}]");
        Option<bool> toEnd = Flags.Switch(
            "--to-end", "Go on to the last epoch where the sweep had stopped the trial early");
        Option<string?> output = Flags.Text(
            "--out", "Run folder; never overwritten [default: runs/<date>-<sweep>-<trial>]",
            "DIR");
        Option<bool> json = Flags.Switch(
            "--json", "Print one JSON object a line on standard output and nothing else");
        var command = new Command(
            "retrain",
            "Trains what a sweep's trial has trained once more, as a run of its own, and compares"
            + " the bits.")
        {
            trial, workers, toEnd, output, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var options = new RetrainOptions(
                parsed.GetValue(trial)!, parsed.GetValue(workers) ?? TrainOptions.DefaultWorkers,
                parsed.GetValue(toEnd), parsed.GetValue(output), parsed.GetValue(json));
            using var printer = RunEventPrinter.Create(services.Terminal, options.Json);
            return await services.Nodes.RetrainAsync(options, printer, cancellation);
        });
        return command;
    }
}
