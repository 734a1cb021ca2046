using System.Runtime.InteropServices;
using Distributed.Kernel;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>Runs commands on one node, one at a time.</summary>
internal sealed class Session(
    PbmClient client, PbmDescription description, ClientTerminal terminal)
{
    public PbmClient Node => client;

    public PbmDescription Description => description;

    /// <summary>Runs a command, or tells what there is.</summary>
    /// <exception cref="OperatingException">It cannot be understood, or the connection
    /// broke.</exception>
    public async Task<int> RunAsync(IReadOnlyList<string> words, bool isOneShot)
    {
        if (words.Any(IsHelp))
        {
            Tell(Help([.. words.Where(word => !IsHelp(word))], isOneShot));
            return ExitCodes.Done;
        }

        using var cancellation = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(
            PosixSignal.SIGINT, signal =>
            {
                signal.Cancel = true;
                _ = cancellation.CancelAsync();
            });
        try
        {
            return await RunAsync(Typed.Of(description, words), cancellation.Token);
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
    }

    private static bool IsHelp(string word) => word is "help" or "--help" or "-h";

    private IEnumerable<string> Help(IReadOnlyList<string> words, bool isOneShot)
    {
        if (words.Count == 0)
        {
            return isOneShot
                ? [.. HelpText.Usage.Split('\n'), "", .. HelpText.Of(description)]
                : HelpText.Of(description);
        }

        PaletteDescription palette = Typed.FindPalette(description, words[0]);
        return HelpText.Of(words.Count == 1
            ? palette
            : palette with { Commands = [Typed.FindCommand(palette, words[1])] });
    }

    private async Task<int> RunAsync(Typed typed, CancellationToken cancellation)
    {
        PbmQuestion question = new(
            typed.Palette.Name, typed.Command.Name, typed.Values, typed.IsJson, terminal.Columns,
            typed.Command.Streams, IsPlan: false);
        if (typed.Command.IsDestructive && !typed.IsAgreed)
        {
            PbmPlanned? plan = null;
            await foreach (PbmAnswer answer in client.RunAsync(
                question with { IsPlan = true }, cancellation))
            {
                plan = answer as PbmPlanned ?? plan;
                if (answer is PbmEnded { ExitCode: not ExitCodes.Done } refused)
                    return End(refused);
            }

            if (plan is null)
                throw new OperatingException("the node does not say what the command would do");
            if (!IsAgreedTo(typed, plan))
                return ExitCodes.BadUsage;
            question = question with { Values = plan.Values };
        }

        await foreach (PbmAnswer answer in client.RunAsync(question, cancellation))
        {
            switch (answer)
            {
                case PbmText line:
                    terminal.Write(line.Text, line.Style);
                    break;
                case PbmObject found:
                    terminal.Write(found.Json, PbmStyle.Plain);
                    break;
                case PbmEnded end:
                    return End(end);
            }
        }

        return ExitCodes.Done;
    }

    private bool IsAgreedTo(Typed typed, PbmPlanned plan)
    {
        string name = $"{typed.Palette.Name} {typed.Command.Name}";
        if (!terminal.IsInteractive)
        {
            terminal.Complain(
                $"{name} {plan.Text}: there is nobody to ask whether to go on; add --yes");
            return false;
        }

        // Where the answer goes to a file, the question does not.
        ClientTerminal screen = terminal with { Output = terminal.Screen };
        screen.Write($"{name} {plan.Text}.", PbmStyle.Warning);
        bool isAgreed = Question.Ask(screen, "Go on? [y/N] ")?.Trim().ToLowerInvariant()
            is "y" or "yes";
        if (!isAgreed)
            terminal.Complain("nothing was done");
        return isAgreed;
    }

    private int End(PbmEnded end)
    {
        if (end.Message.Length > 0)
            terminal.Complain(end.Message);
        return end.ExitCode;
    }

    private void Tell(IEnumerable<string> lines)
    {
        foreach (string line in lines)
            terminal.Write(line, PbmStyle.Plain);
    }
}
