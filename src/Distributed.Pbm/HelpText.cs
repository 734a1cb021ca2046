using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>Help, made of what the node says about itself.</summary>
internal static class HelpText
{
    private const int FlagIndent = 6;

    public const string Usage = """
        Inspects a running cluster.

        Usage:
          pbm [HOST:PORT]                              asks for commands, one after the other
          pbm [HOST:PORT] PALETTE COMMAND [FLAGS]      runs one command
          pbm [HOST:PORT] help                         lists the palettes
          pbm [HOST:PORT] PALETTE help                 lists a palette's commands

        HOST:PORT is 127.0.0.1:9110 where it is left out: pbm.host and pbm.port of a coordinator.
        A cluster with a token or certificates: pbm --config cluster.hocon …, or the environment
        (DISTRIBUTED_TOKEN, SECURITY__TOKEN_FILE=FILE).

        Flags of every command:
          --json     one JSON object a line, for programs
          -y, --yes  do not ask before something is stopped or taken out
        """;

    /// <summary>All palettes.</summary>
    public static IEnumerable<string> Of(PbmDescription description)
    {
        int widest = description.Palettes.Max(palette => palette.Name.Length);
        yield return "Palettes:";
        foreach (PaletteDescription palette in description.Palettes)
        {
            yield return $"  {palette.Name.PadRight(widest)}  {palette.Help}";
            yield return $"  {"".PadRight(widest)}    "
                + string.Join(", ", palette.Commands.Select(command => command.Name));
        }
    }

    /// <summary>All commands of a palette.</summary>
    public static IEnumerable<string> Of(PaletteDescription palette)
    {
        yield return $"{palette.Name}: {palette.Help}";
        foreach (CommandDescription command in palette.Commands)
        {
            yield return "";
            yield return $"  {Synopsis(palette, command)}";
            string more = command.Streams ? " (until Ctrl-C)"
                : command.IsDestructive ? " (asks first)" : "";
            yield return $"    {command.Help}{more}";
            int widest = command.Parameters.Select(Flag).Select(flag => flag.Length)
                .DefaultIfEmpty(0).Max();
            foreach (ParameterDescription parameter in command.Parameters)
            {
                yield return $"{"".PadRight(FlagIndent)}{Flag(parameter).PadRight(widest)}  "
                    + Describe(parameter);
            }
        }
    }

    /// <summary>Such as <c>train scale [JOB] --workers N</c>.</summary>
    public static string Synopsis(PaletteDescription palette, CommandDescription command) =>
        string.Join(
            ' ', [palette.Name, command.Name, .. command.Parameters.Select(
                parameter => parameter.IsRequired ? Flag(parameter) : $"[{Flag(parameter)}]")]);

    private static string Flag(ParameterDescription parameter)
    {
        if (parameter.IsArgument)
            return parameter.Name.ToUpperInvariant();
        string dashes = parameter.ShortName.Length > 0
            ? $"-{parameter.ShortName}|--{parameter.Name}"
            : $"--{parameter.Name}";
        return parameter.IsSwitch ? dashes
            : parameter.IsInteger ? $"{dashes} N"
            : $"{dashes} {parameter.Name.ToUpperInvariant()}";
    }

    private static string Describe(ParameterDescription parameter) => parameter.Help
        + (parameter.Choices.Count > 0 ? $": {string.Join(", ", parameter.Choices)}" : "")
        + (parameter.Default.Length > 0 ? $" (default: {parameter.Default})" : "");
}
