using Distributed.Kernel;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>A command as it was typed, understood by what the node says it takes.</summary>
/// <param name="IsAgreed">Nothing is to be asked.</param>
internal sealed record Typed(
    PaletteDescription Palette, CommandDescription Command,
    IReadOnlyDictionary<string, string> Values, bool IsJson, bool IsAgreed)
{
    /// <exception cref="OperatingException">It cannot be understood.</exception>
    public static Typed Of(PbmDescription description, IReadOnlyList<string> words)
    {
        PaletteDescription palette = FindPalette(description, words[0]);
        if (words.Count < 2)
            throw Bad($"{palette.Name} needs a command: {Listed(palette)}");
        CommandDescription command = FindCommand(palette, words[1]);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        bool isJson = false;
        bool isAgreed = false;
        for (int at = 2; at < words.Count; at++)
        {
            string word = words[at];
            if (word == "--json")
                isJson = true;
            else if (word is "--yes" or "-y")
                isAgreed = true;
            else if (word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]))
                at += TakeFlag(palette, command, word, words.ElementAtOrDefault(at + 1), values);
            else
                TakeArgument(palette, command, word, values);
        }

        return new Typed(palette, command, values, isJson, isAgreed);
    }

    public static PaletteDescription FindPalette(PbmDescription description, string name) =>
        description.Palettes.FirstOrDefault(palette => palette.Name == name)
        ?? throw Bad($"there is no palette \"{name}\": expected one of "
            + string.Join(", ", description.Palettes.Select(palette => palette.Name)));

    public static CommandDescription FindCommand(PaletteDescription palette, string name) =>
        palette.Commands.FirstOrDefault(command => command.Name == name)
        ?? throw Bad($"{palette.Name} has no command \"{name}\": {Listed(palette)}");

    /// <returns>How many words more were taken.</returns>
    private static int TakeFlag(
        PaletteDescription palette, CommandDescription command, string word, string? next,
        Dictionary<string, string> values)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        string name = equals > 0 ? word[..equals] : word;
        ParameterDescription parameter = command.Parameters.FirstOrDefault(
            one => !one.IsArgument && (name == $"--{one.Name}"
                || (one.ShortName.Length > 0 && name == $"-{one.ShortName}")))
            ?? throw Bad(
                $"{palette.Name} {command.Name} takes no {name}: pbm {palette.Name} help tells "
                + "what it takes");
        if (parameter.IsSwitch)
        {
            values[parameter.Name] = "true";
            return 0;
        }

        if (equals > 0)
        {
            values[parameter.Name] = word[(equals + 1)..];
            return 0;
        }

        values[parameter.Name] = next ?? throw Bad($"{name} needs a value: {parameter.Help}");
        return 1;
    }

    private static void TakeArgument(
        PaletteDescription palette, CommandDescription command, string word,
        Dictionary<string, string> values)
    {
        ParameterDescription parameter = command.Parameters.FirstOrDefault(
            one => one.IsArgument && !values.ContainsKey(one.Name))
            ?? throw Bad(
                $"{palette.Name} {command.Name} does not take \"{word}\": pbm {palette.Name} help "
                + "tells what it takes");
        values[parameter.Name] = word;
    }

    private static string Listed(PaletteDescription palette) =>
        $"expected one of {string.Join(", ", palette.Commands.Select(one => one.Name))}";

    private static OperatingException Bad(string message) => new(message, ExitCodes.BadUsage);
}
