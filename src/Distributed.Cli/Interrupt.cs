using System.Runtime.InteropServices;
using Distributed.Kernel;

namespace Distributed.Cli;

/// <summary>
/// Ctrl-C and SIGTERM as a cancellation, so that a command can save its state. A second one ends
/// the process at once: whoever presses twice does not want to wait.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;
    private int count;

    /// <param name="supervised">
    /// Another command started this process and gets the same Ctrl-C from the terminal: that one
    /// decides what it means.
    /// </param>
    public Interrupt(bool supervised) =>
        registrations =
        [
            PosixSignalRegistration.Create(
                PosixSignal.SIGINT, supervised ? signal => signal.Cancel = true : OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
            registration.Dispose();
        source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref count) > 1)
            Environment.Exit(ExitCodes.Interrupted);
        // On its own thread: what the cancellation sets off must not run inside the signal handler.
        _ = source.CancelAsync();
    }
}
