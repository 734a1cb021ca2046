using Distributed.Cli.Commands;
using Distributed.Torch;

namespace Distributed.Cli.Nodes;

/// <summary>Tells the engine what the configuration says of libtorch.</summary>
internal static class EngineSettings
{
    private const string DefaultFile = "cluster.hocon";

    /// <summary>
    /// The file is read when the engine is first looked for, so that commands without one never
    /// stumble over it.
    /// </summary>
    /// <param name="options">Whose file is null for cluster.hocon in the current folder, if it is
    /// there.</param>
    public static void Use(NodeOptions options)
    {
        string? file = options.ConfigurationFile
            ?? (File.Exists(DefaultFile) ? Path.GetFullPath(DefaultFile) : null);
        TorchLibrary.Configure(
            () => NodeSettings.Read(options with { ConfigurationFile = file }).Torch.Folder);
    }
}
