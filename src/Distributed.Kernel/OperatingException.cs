namespace Distributed.Kernel;

/// <summary>
/// Something outside the program is not as it must be: a peer is gone, a disk is full, a file is
/// corrupt. The message is one line: what, what was expected, what to do.
/// </summary>
public class OperatingException : Exception
{
    public OperatingException(
        string message, int exitCode = ExitCodes.OperatingError, Exception? inner = null)
        : base(message, inner) => ExitCode = exitCode;

    /// <summary>What the process exits with when nobody handles this.</summary>
    public int ExitCode { get; }
}
