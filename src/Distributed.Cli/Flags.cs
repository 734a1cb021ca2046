using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Distributed.Kernel;

namespace Distributed.Cli;

/// <summary>
/// Options whose bad values are refused in one line that says what was expected. All values are
/// null when the option was not given: defaults belong to whoever reads them.
/// </summary>
internal static class Flags
{
    public static Option<T?> Whole<T>(string name, T minimum, string description, string unit = "N")
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        Parsed<T>(
            name, description, unit, $"a whole number of at least {minimum}",
            text => T.TryParse(
                text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value)
                && value >= minimum ? value : null);

    public static Option<double?> PositiveNumber(string name, string description) =>
        Parsed<double>(
            name, description, "X", "a number above 0, such as 0.001 or 1e-4",
            text => double.TryParse(
                text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                && value > 0 && double.IsFinite(value) ? value : null);

    public static Option<string?> Text(
        string name, string description, string unit, params string[] completions)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = unit };
        option.CompletionSources.Add(
            _ => completions.Select(word => new CompletionItem(word)));
        option.Validators.Add(RefuseEmpty);
        return option;
    }

    public static Option<string?> Choice(string name, string description, params string[] choices)
    {
        Option<string?> option = Text(name, description, string.Join('|', choices), choices);
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (choices.FirstOrDefault(choice => Plain(choice) == Plain(text)) is { } known)
                return known;
            result.AddError($"{name} '{text}'{UsageError.Suggestion(text, choices)}");
            return null;
        };
        return option;
    }

    public static Option<string?> Device(string name, string description)
    {
        Option<string?> option = Text(
            name, description, "auto|cpu|cuda|cuda:N", "auto", "cpu", "cuda", "cuda:0");
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (DeviceRequest.TryParse(text) is { } device)
                return device.ToString();
            if (text.Length > 0)
                result.AddError($"{name} '{text}': expected {DeviceRequest.Expected}");
            return null;
        };
        return option;
    }

    /// <summary>A repeatable KEY=VALUE.</summary>
    public static Option<string[]> Settings(string description)
    {
        var option = new Option<string[]>("--set")
        {
            Description = description,
            HelpName = "KEY=VALUE",
            Arity = ArgumentArity.ZeroOrMore,
            AllowMultipleArgumentsPerToken = false,
            DefaultValueFactory = _ => [],
        };
        option.Validators.Add(result =>
        {
            foreach (Token token in result.Tokens.Where(token => token.Value.IndexOf('=') <= 0))
                result.AddError($"--set '{token.Value}': expected KEY=VALUE, such as seed=7");
        });
        return option;
    }

    public static Option<bool> Switch(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.Zero };

    /// <summary>
    /// Words of a command that are no flags. Without this check a mistyped flag would be taken for
    /// one of them.
    /// </summary>
    public static Argument<T> Words<T>(string name, string description, ArgumentArity arity)
    {
        var argument = new Argument<T>(name) { Description = description, Arity = arity };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(token => IsFlag(token.Value)) is { } flag
                && result.Parent is CommandResult { Command: var command })
                result.AddError(UsageError.Unknown(flag.Value, command));
        });
        return argument;
    }

    // `one-cycle` and `OneCycle` are the same word to a reader.
    private static string Plain(string word) =>
        word.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();

    private static bool IsFlag(string word) => word.Length > 1 && word[0] == '-';

    private static void RefuseEmpty(OptionResult result)
    {
        if (result.Tokens.Any(token => token.Value.Length == 0))
            result.AddError($"{result.Option.Name} is empty: expected {result.Option.HelpName}");
    }

    private static Option<T?> Parsed<T>(
        string name, string description, string unit, string expected, Func<string, T?> parse)
        where T : struct =>
        new(name)
        {
            Description = description,
            HelpName = unit,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                T? value = parse(text);
                if (value is null)
                    result.AddError($"{name} '{text}': expected {expected}");
                return value;
            },
        };
}
