using System.CommandLine;
using Distributed.Cli.Nodes;
using Distributed.Cli.Reports;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Runs;

namespace Distributed.Cli.Commands;

/// <summary>`report`: a run's or a sweep's results as a page to look at and to hand on.</summary>
internal static class ReportCommand
{
    private const string PageExtension = ".html";

    public static Command Create(CommandServices services)
    {
        Argument<string> run = Flags.Words<string>(
            "RUN|SWEEP", "Folder of a run or a sweep, or the name of one under runs/ or sweeps/",
            ArgumentArity.ExactlyOne);
        Option<string?> output = Flags.Text(
            "--out", "Page to write [default: report.html in that folder]", "FILE.html");
        output.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var file }, ..]
                && !file.EndsWith(PageExtension, StringComparison.OrdinalIgnoreCase))
                result.AddError($"--out '{file}': expected a file that ends in {PageExtension}");
        });
        var command = new Command(
            "report",
            "Writes the results of a run or a sweep, finished or not, as one HTML page that needs"
            + " no other file, with plots and tables, and as Markdown beside it.")
        {
            run, output,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () => RunAsync(
                parsed.GetRequiredValue(run), parsed.GetValue(output), services.Terminal,
                cancellation),
            cancellation));
        return command;
    }

    private static async Task RunAsync(
        string words, string? page, Terminal terminal, CancellationToken cancellation)
    {
        string? sweep = SweepFolder.TryFind(words);
        string folder = sweep ?? RunFolders.Find(words);
        Report report = sweep is null
            ? RunReport.Build(folder, cancellation)
            : SweepReportFiles.Build(
                sweep, await SweepResultFiles.ReadAsync(sweep, cancellation), cancellation);
        page ??= Path.Combine(folder, SweepReportFiles.PageName);
        foreach (string file in SweepReportFiles.Write(report, page))
            terminal.Output.WriteLine(file);
    }
}
