namespace Distributed.Cli.Commands;

/// <summary>The flags of `sweep` as they were given, or what an exercise makes of its
/// own.</summary>
/// <param name="File">The sweep file; null where an earlier sweep goes on.</param>
/// <param name="Settings">KEY=VALUE for keys of the sweep file.</param>
/// <param name="Workers">Null: one for each processor.</param>
/// <param name="Cluster">HOST:PORT of a running cluster's coordinators; null: one is started
/// here.</param>
internal sealed record SweepOptions(
    string? File, IReadOnlyList<string> Settings, int? Workers, IReadOnlyList<string>? Cluster,
    string? OutputFolder, bool Resume, bool Preview, bool Json)
{
    /// <summary>The configuration with the cluster's security, by its full path; null for that of
    /// the environment.</summary>
    public string? Configuration { get; init; }

    /// <summary>A sweep that goes on tries once more what failed.</summary>
    public bool RetryFailed { get; init; }

    /// <summary>The exercise whose sweep it is; null for none.</summary>
    public int? Exercise { get; init; }

    /// <summary>The sweep file's text where it comes with the program; then
    /// <see cref="File"/> is what messages call it.</summary>
    public string? Text { get; init; }

    /// <summary>The command that runs the same again; null where the folder's copy of the file says
    /// it all.</summary>
    public string? Command { get; init; }
}
