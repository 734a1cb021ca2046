using Distributed.Kernel;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>Asks for commands until the user or the node goes.</summary>
internal sealed class Prompt(Session session, ClientTerminal terminal)
{
    private readonly Completion _completion = new(session);

    public async Task<int> RunAsync()
    {
        if (!terminal.IsInteractive)
            return await RunLinesAsync();
        terminal.Write(
            $"connected to {session.Node.Address}, version {session.Description.Version}; "
            + "help lists what can be asked, exit leaves", PbmStyle.Plain);
        History history = History.Open();
        var editor = new LineEditor(
            $"[{session.Node.Address}] ", "pbm> ", terminal, history, _completion);
        while (await editor.ReadAsync() is { } line)
        {
            history.Add(line);
            if (await RunAsync(line) is { IsLast: true } last)
                return last.ExitCode;
        }

        return ExitCodes.Done;
    }

    private async Task<int> RunLinesAsync()
    {
        int exitCode = ExitCodes.Done;
        while (await terminal.Input.ReadLineAsync() is { } line)
        {
            (exitCode, bool isLast) = await RunAsync(line);
            if (isLast)
                break;
        }

        return exitCode;
    }

    private async Task<(int ExitCode, bool IsLast)> RunAsync(string line)
    {
        try
        {
            Words words = Words.Of(line);
            if (words.All.Count == 0)
                return (ExitCodes.Done, false);
            if (words.All is ["exit" or "quit"])
                return (ExitCodes.Done, true);
            if (words.File is not { } path)
                return (await session.RunAsync(words.All, isOneShot: false), false);
            return (await RunIntoAsync(words.All, path), false);
        }
        catch (PbmConnectionLost lost)
        {
            terminal.Complain(lost.Message);
            return (ExitCodes.OperatingError, true);
        }
        catch (OperatingException failure)
        {
            terminal.Complain(failure.Message);
            return (failure.ExitCode, false);
        }
    }

    private async Task<int> RunIntoAsync(IReadOnlyList<string> words, string path)
    {
        try
        {
            await using var file = new StreamWriter(path) { AutoFlush = true };
            var apart = new Session(
                session.Node, session.Description,
                terminal with { Output = file, HasColours = false, Width = 0 });
            return await apart.RunAsync(words, isOneShot: false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} cannot be written ({failure.Message}): expected a file in a folder that "
                + "is there");
        }
    }
}
