using System.Diagnostics;

namespace Distributed.Cli.Bench;

/// <summary>Runs other programs to their end.</summary>
internal static class Shell
{
    /// <summary>Exit code and output; null where there is no such program.</summary>
    public static (int ExitCode, string Output)? Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + errors.Result);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
