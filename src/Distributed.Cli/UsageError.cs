using System.CommandLine;
using System.CommandLine.Parsing;
using Distributed.Kernel;

namespace Distributed.Cli;

/// <summary>
/// One line for a command line that cannot be understood, with the nearest known word.
/// </summary>
internal static class UsageError
{
    /// <summary>The line, or null when there is nothing to complain about.</summary>
    public static string? Of(ParseResult parsed)
    {
        // Help and completion answer whatever else was typed.
        if (parsed.Action is { ClearsParseErrors: true } || parsed.Errors.Count == 0)
            return null;
        Command command = parsed.CommandResult.Command;
        string help = $"see {Path(command)} --help";
        return parsed.UnmatchedTokens.Count > 0
            ? $"{Unknown(parsed.UnmatchedTokens[0], command)}; {help}"
            : $"{OneLine(parsed.Errors[0].Message)}; {help}";
    }

    /// <summary>
    /// What is wrong with <paramref name="word"/>, a word that nothing in <paramref
    /// name="command"/> takes.
    /// </summary>
    public static string Unknown(string word, Command command)
    {
        if (word.StartsWith('-'))
        {
            string flag = word.Split('=')[0];
            IEnumerable<string> flags = command.Options.Where(option => !option.Hidden)
                .SelectMany(option => option.Aliases.Prepend(option.Name));
            return $"unknown flag '{flag}'{Suggestion(flag, flags)}";
        }
        return command.Subcommands.Count > 0
            ? $"unknown command '{word}'{Suggestion(word, command.Subcommands.Select(c => c.Name))}"
            : $"unexpected '{word}' after {Path(command)}";
    }

    /// <summary>
    /// Says which of the known words is near, or which there are when there are few.
    /// </summary>
    public static string Suggestion(string word, IEnumerable<string> known)
    {
        const int FewWords = 8;
        string[] words = [.. known];
        if (Nearest.Of(word, words) is { } near)
            return $"; did you mean '{near}'?";
        return words.Length is > 0 and <= FewWords
            ? $"; expected one of {string.Join(", ", words)}"
            : "";
    }

    private static string Path(Command command)
    {
        var names = new Stack<string>();
        for (Symbol? symbol = command; symbol is Command and not RootCommand;
            symbol = symbol.Parents.FirstOrDefault())
            names.Push(symbol.Name);
        return string.Join(' ', names.Prepend("./distributed"));
    }

    private static string OneLine(string message) =>
        message.ReplaceLineEndings(" ").Trim().TrimEnd('.');
}
