using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Distributed.Cli.Nodes;
using Distributed.Kernel;

namespace Distributed.Cli.Commands;

/// <summary>`tensorboard`: shows a run or a sweep in a TensorBoard that is installed.</summary>
internal static class TensorBoardCommand
{
    private const string Program = "tensorboard";

    public static Command Create(CommandServices services)
    {
        Argument<string> run = Flags.Words<string>(
            "RUN|SWEEP", "Folder of a run or a sweep, or the name of one under runs/ or sweeps/",
            ArgumentArity.ExactlyOne);
        Option<int?> port = Flags.Whole(
            "--port", 1, "Port to serve on [default: TensorBoard's, 6006]");
        var command = new Command(
            "tensorboard",
            "Starts an installed TensorBoard on what a run or a sweep has recorded, until Ctrl-C.")
        {
            run, port,
        };
        command.SetAction((parsed, cancellation) =>
        {
            string words = parsed.GetRequiredValue(run);
            string folder = SweepFolder.TryFind(words) ?? RunFolders.Find(words);
            return RunAsync(folder, parsed.GetValue(port), services.Terminal, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        string folder, int? port, Terminal terminal, CancellationToken cancellation)
    {
        string[] words =
            ["--logdir", folder, .. port is { } number ? ["--port", $"{number}"] : NoPort];
        terminal.Error.WriteLine($"distributed: {Program} {string.Join(' ', words)}");
        using Process process = Start(folder, words);
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C in a terminal reaches it too; a signal to this process alone does not.
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            return ExitCodes.Done;
        }

        return process.ExitCode == 0
            ? ExitCodes.Done
            : throw new OperatingException(
                $"{Program} ended with exit code {process.ExitCode}: expected it to serve; its own "
                + "message is above");
    }

    private static string[] NoPort => [];

    private static Process Start(string folder, IReadOnlyList<string> words)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(Program, words))!;
        }
        catch (Win32Exception missing)
        {
            throw new OperatingException(
                $"{Program} is not installed: expected it on the PATH; `pipx install tensorboard` "
                + $"gets it (or `python3 -m pip install tensorboard` in a virtual environment), or "
                + $"open {folder} with one elsewhere; ./distributed report {folder} needs none",
                inner: missing);
        }
    }
}
