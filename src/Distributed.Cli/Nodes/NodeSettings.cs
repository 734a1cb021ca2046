using System.Collections;
using Distributed.Cli.Commands;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>Reads a node's configuration: file, then environment, then --set.</summary>
internal static class NodeSettings
{
    /// <exception cref="OperatingException">The file is missing, or something in it is
    /// wrong.</exception>
    public static ClusterSettings Read(NodeOptions options)
    {
        var environment = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            environment[(string)entry.Key] = (string?)entry.Value ?? "";
        return ClusterSettingsReader.Read(
            options.ConfigurationFile, ReadFile, environment, options.Settings);
    }

    private static string? ReadFile(string path) =>
        File.Exists(path) ? File.ReadAllText(path) : null;
}
