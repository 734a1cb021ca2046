using System.CommandLine;
using Distributed.Cli.Commands;
using Distributed.Kernel;

namespace Distributed.Cli;

/// <summary>
/// From words to an exit code. This is the process edge: the one place that turns exceptions into a
/// line on standard error.
/// </summary>
internal static class CommandLine
{
    // Words go to commands as they were typed: `-ab` is no bundle and `@file` no response file.
    private static readonly ParserConfiguration Configuration = new()
    {
        EnablePosixBundling = false,
        ResponseFileTokenReplacer = null,
    };

    public static ParseResult Parse(string[] words, CommandServices services) =>
        CommandTree.Create(services).Parse(words, Configuration);

    public static async Task<int> RunAsync(
        string[] words, CommandServices services, CancellationToken cancellation)
    {
        Terminal terminal = services.Terminal;
        try
        {
            ParseResult parsed = Parse(words.Length == 0 ? ["--help"] : words, services);
            if (UsageError.Of(parsed) is { } usage)
                return Complain(terminal, usage, ExitCodes.BadUsage);
            var invocation = new InvocationConfiguration
            {
                Output = terminal.Output,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                // Signals are handled by Interrupt, which waits for the state to be saved.
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(invocation, cancellation);
        }
        catch (OperatingException exception)
        {
            return Complain(terminal, Shown.Line(exception.Message), exception.ExitCode);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return Complain(terminal, "interrupted", ExitCodes.Interrupted);
        }
        catch (InvariantException exception)
        {
            return Complain(terminal, exception.ToString(), ExitCodes.BrokenInvariant);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Complain(terminal, exception.Message, ExitCodes.OperatingError);
        }
        catch (Exception exception)
        {
            return Complain(
                terminal, $"broken invariant: unforeseen {exception}", ExitCodes.BrokenInvariant);
        }
    }

    private static int Complain(Terminal terminal, string message, int exitCode)
    {
        terminal.Error.WriteLine($"distributed: {Shown.Lines(message)}");
        return exitCode;
    }
}
