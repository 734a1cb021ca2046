using Distributed.Cli.Commands;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Reads the configuration of a node, or of a command that dials one: file, then environment, then
/// --set.
/// </summary>
internal static class NodeSettings
{
    /// <exception cref="OperatingException">The file is missing, or something in it is
    /// wrong.</exception>
    public static ClusterSettings Read(NodeOptions options) =>
        Configuration.Read(options.ConfigurationFile, options.Settings);

    /// <summary>What the ports of this process ask for, and what it shows others.</summary>
    /// <exception cref="OperatingException">The token's file or one of the certificates' cannot be
    /// used.</exception>
    public static RpcSecurity Security(ClusterSettings settings) =>
        Configuration.Security(settings);

    /// <summary>A connection of a command to a cluster, by what the file and the environment say of
    /// security.</summary>
    /// <exception cref="OperatingException">The configuration cannot be used.</exception>
    public static CoordinatorClient Connect(
        IReadOnlyList<string> addresses, string? configurationFile = null) =>
        new(
            Security(Read(new NodeOptions(configurationFile, [], Supervised: false))),
            addresses);
}
