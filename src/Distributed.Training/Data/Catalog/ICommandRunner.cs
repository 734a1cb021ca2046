namespace Distributed.Training.Data;

internal sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>
/// The one way from this folder to other programs (npm, apt-get, dpkg). Tests stand in for it and
/// hand out small packages.
/// </summary>
internal interface ICommandRunner
{
    bool IsRoot { get; }

    bool Has(string program);

    /// <summary>
    /// Runs to the end, with no input; <paramref name="tick"/> runs a few times a second.
    /// </summary>
    CommandResult Run(
        string workingFolder, Action? tick, CancellationToken cancellation,
        params IReadOnlyList<string> command);
}
