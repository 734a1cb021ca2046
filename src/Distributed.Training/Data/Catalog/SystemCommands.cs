using System.Diagnostics;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>Runs the programs of this machine.</summary>
internal sealed class SystemCommands : ICommandRunner
{
    /// <summary>No package here takes this long on a line that is worth waiting for.</summary>
    private static readonly TimeSpan DurationMax = TimeSpan.FromMinutes(60);

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(200);

    public bool IsRoot => Environment.IsPrivilegedProcess;

    public bool Has(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Any(folder => File.Exists(Path.Combine(folder, program)));

    public CommandResult Run(
        string workingFolder, Action? tick, CancellationToken cancellation,
        params IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // English messages, because some are recognised, and nothing that waits for an answer.
        start.Environment["LC_ALL"] = "C";
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        using var process = Process.Start(start)
            ?? throw new OperatingException($"{command[0]} did not start; check its installation");
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var clock = Stopwatch.StartNew();
        while (!process.WaitForExit(TickInterval))
        {
            tick?.Invoke();
            if (cancellation.IsCancellationRequested || clock.Elapsed > DurationMax)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
                cancellation.ThrowIfCancellationRequested();
                throw new OperatingException(
                    $"`{string.Join(' ', command)}` took more than {DurationMax.TotalMinutes} "
                    + "minutes; check the network and try again");
            }
        }
        return new CommandResult(
            process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}
