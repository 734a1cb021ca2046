using System.Collections;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Security;

namespace Distributed.Runtime;

/// <summary>
/// The configuration of this process, a node or a command that dials one: file, then environment,
/// then settings from the command line.
/// </summary>
public static class Configuration
{
    /// <param name="file">HOCON; null for none.</param>
    /// <param name="settings">KEY=VALUE, as <c>--set</c> has them.</param>
    /// <exception cref="OperatingException">The file is missing, or something in it is
    /// wrong.</exception>
    public static ClusterSettings Read(string? file, IReadOnlyList<string> settings)
    {
        var environment = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            environment[(string)entry.Key] = (string?)entry.Value ?? "";
        return ClusterSettingsReader.Read(file, ReadFile, environment, settings);
    }

    /// <summary>What the ports of this process ask for, and what it shows others.</summary>
    /// <exception cref="OperatingException">The token's file or one of the certificates' cannot be
    /// used.</exception>
    public static RpcSecurity Security(ClusterSettings settings) => RpcSecurity.Load(
        settings.Security, Environment.GetEnvironmentVariable(AccessToken.Variable));

    private static string? ReadFile(string path) =>
        File.Exists(path) ? File.ReadAllText(path) : null;
}
