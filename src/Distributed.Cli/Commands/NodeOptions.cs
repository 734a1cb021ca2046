namespace Distributed.Cli.Commands;

/// <summary>How one node of a cluster is configured; later settings win over the file.</summary>
internal sealed record NodeOptions(
    string? ConfigurationFile, IReadOnlyList<string> Settings, bool Supervised);
