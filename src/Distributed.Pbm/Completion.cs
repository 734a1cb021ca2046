using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>What a word that is being typed may become.</summary>
internal sealed class Completion(Session session)
{
    private static readonly string[] CommonFlags = ["--json"];

    /// <param name="line">Up to the cursor; its last word is completed.</param>
    /// <returns>Whole words, sorted.</returns>
    public async Task<IReadOnlyList<string>> OfAsync(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string begun = line.Length > 0 && line[^1] != ' ' ? words[^1] : "";
        string[] before = begun.Length > 0 ? words[..^1] : words;
        IEnumerable<string> all = before switch
        {
            [] => [.. session.Description.Palettes.Select(one => one.Name), "exit", "help"],
            [var palette] =>
                [.. Palette(palette)?.Commands.Select(one => one.Name) ?? [], "help"],
            [var palette, var command, .. var given] =>
                await OfParametersAsync(palette, command, given, begun),
        };
        return
        [
            .. all.Where(word => word.StartsWith(begun, StringComparison.Ordinal)).Distinct()
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>What else a command takes; empty where that is not known yet.</summary>
    public string Hint(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 2 || line[^1] != ' ' || Palette(words[0]) is not { } palette
            || palette.Commands.FirstOrDefault(one => one.Name == words[1]) is not { } command)
            return "";
        int begins = palette.Name.Length + command.Name.Length + 1;
        // Arguments that are given are left out; flags may come in any order.
        int given = words.Skip(2).Count(word => word[0] != '-');
        string rest = HelpText.Synopsis(
            palette, command with
            {
                Parameters =
                [
                    .. command.Parameters.Where(one => one.IsArgument).Skip(given),
                    .. command.Parameters.Where(
                        one => !one.IsArgument && !words.Contains($"--{one.Name}")
                            && !words.Contains($"-{one.ShortName}")),
                ],
            });
        return rest.Length > begins ? rest[(begins + 1)..] : "";
    }

    private PaletteDescription? Palette(string name) =>
        session.Description.Palettes.FirstOrDefault(one => one.Name == name);

    private async Task<IEnumerable<string>> OfParametersAsync(
        string palette, string command, string[] given, string begun)
    {
        CommandDescription? known =
            Palette(palette)?.Commands.FirstOrDefault(one => one.Name == command);
        if (known is null)
            return [];
        if (given.Length > 0 && Option(known, given[^1]) is { IsSwitch: false } option)
            return await ValuesAsync(palette, command, option);
        if (begun.StartsWith('-'))
        {
            return
            [
                .. known.Parameters.Where(one => !one.IsArgument).Select(one => $"--{one.Name}"),
                .. CommonFlags, .. known.IsDestructive ? ["--yes"] : Array.Empty<string>(),
            ];
        }

        int arguments = given
            .Where((word, at) => word[0] != '-'
                && (at == 0 || Option(known, given[at - 1]) is not { IsSwitch: false }))
            .Count();
        ParameterDescription? next =
            known.Parameters.Where(one => one.IsArgument).Skip(arguments).FirstOrDefault();
        return next is null ? [] : await ValuesAsync(palette, command, next);
    }

    private static ParameterDescription? Option(CommandDescription command, string word) =>
        command.Parameters.FirstOrDefault(one => !one.IsArgument
            && (word == $"--{one.Name}"
                || (one.ShortName.Length > 0 && word == $"-{one.ShortName}")));

    private async Task<IReadOnlyList<string>> ValuesAsync(
        string palette, string command, ParameterDescription parameter)
    {
        if (parameter.Choices.Count > 0)
            return parameter.Choices;
        return parameter.Completes
            ? await session.Node.CompleteAsync(
                palette, command, parameter.Name, CancellationToken.None)
            : [];
    }
}
