namespace Distributed.Kernel;

/// <summary>
/// The program contradicts itself. Nobody handles this: the process ends with
/// <see cref="ExitCodes.BrokenInvariant"/> and this message.
/// </summary>
public sealed class InvariantException(string message, Exception? inner = null)
    : Exception(message, inner);
