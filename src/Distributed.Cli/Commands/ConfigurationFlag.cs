using System.CommandLine;
using System.CommandLine.Parsing;

namespace Distributed.Cli.Commands;

/// <summary>`--config` of the commands that dial a cluster: how it knows its friends.</summary>
internal static class ConfigurationFlag
{
    public static Option<string?> Create() => Flags.Text(
        "--config",
        "With --cluster: the cluster's configuration, for its token and certificates [default: the"
        + " environment]",
        "FILE.hocon");

    public static void Check(
        CommandResult result, Option<string?> configuration, Option<string?> cluster)
    {
        if (result.GetResult(configuration) is not null && result.GetResult(cluster) is null)
            result.AddError("--config says how to call a cluster: expected --cluster with it");
    }

    /// <summary>So that it is found from another folder later.</summary>
    public static string? Read(ParseResult parsed, Option<string?> configuration) =>
        parsed.GetValue(configuration) is { } path ? Path.GetFullPath(path) : null;
}
