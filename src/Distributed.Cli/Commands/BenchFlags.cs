using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Distributed.Cli.Bench;
using Distributed.Kernel;
using Distributed.Runtime.Rpc;

namespace Distributed.Cli.Commands;

/// <summary>Options whose values are lists with commas; null where they were not given.</summary>
internal static class BenchFlags
{
    public static Option<IReadOnlyList<string>?> Words(
        string name, string description, IReadOnlyList<string> known)
    {
        Option<IReadOnlyList<string>?> option = List(
            name, description, string.Join(',', known),
            (word, result) =>
            {
                if (known.Contains(word))
                    return word;
                result.AddError($"{name} '{word}'{UsageError.Suggestion(word, known)}");
                return null;
            });
        option.CompletionSources.Add([.. known]);
        return option;
    }

    /// <summary>Names of peers, or none of them.</summary>
    public static Option<IReadOnlyList<string>?> PeerNames(params string[] known)
    {
        const string none = "none";
        string[] words = [.. known, none];
        Option<IReadOnlyList<string>?> option = Words(
            "--peers", "Whom to measure besides, or none [default: all that are installed]",
            words);
        Func<ArgumentResult, IReadOnlyList<string>?> parse = option.CustomParser!;
        option.CustomParser = result => parse(result) is { } chosen
            ? [.. chosen.Where(peer => peer != none)]
            : null;
        return option;
    }

    public static Option<IReadOnlyList<string>?> Addresses(string name, string description) =>
        List(name, description, "HOST:PORT,…", (word, result) =>
        {
            try
            {
                _ = RpcAddress.Split(word);
                return word;
            }
            catch (OperatingException mistake)
            {
                result.AddError($"{name}: {mistake.Message}");
                return null;
            }
        });

    public static Option<IReadOnlyList<int>?> Counts(
        string name, string description, int minimum, int maximum) =>
        new(name)
        {
            Description = description,
            HelpName = "N,…",
            CustomParser = result =>
            {
                var counts = new List<int>();
                foreach (string word in result.Tokens[0].Value.Split(','))
                {
                    if (int.TryParse(
                        word, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
                        && count >= minimum && count <= maximum)
                        counts.Add(count);
                    else
                        result.AddError(
                            $"{name} '{word}': expected whole numbers from {minimum} to {maximum},"
                            + $" such as {Math.Max(minimum, 1)},4");
                }

                return counts;
            },
        };

    public static Option<IReadOnlyList<long>?> Sizes(
        string name, string description, long maximum) =>
        new(name)
        {
            Description = description,
            HelpName = "SIZE,…",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                IReadOnlyList<long>? sizes = ByteSizes.ParseList(text);
                if (sizes is null)
                    result.AddError(
                        $"{name} '{text}': expected sizes above 0, such as 64KiB or 4KiB..256MiB");
                else if (sizes.Any(size => size % sizeof(float) != 0 || size > maximum))
                    result.AddError(
                        $"{name} '{text}': expected multiples of {sizeof(float)} bytes up to "
                        + ByteSizes.Format(maximum));
                return sizes;
            },
        };

    private static Option<IReadOnlyList<string>?> List(
        string name, string description, string unit,
        Func<string, ArgumentResult, string?> parse) =>
        new(name)
        {
            Description = description,
            HelpName = unit,
            CustomParser = result =>
            [
                .. result.Tokens[0].Value.Split(',')
                    .Select(word => parse(word, result)).OfType<string>(),
            ],
        };
}
