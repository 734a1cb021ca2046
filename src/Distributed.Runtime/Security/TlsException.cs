namespace Distributed.Runtime.Security;

/// <summary>
/// A peer is not who it must be, or does not take this side for who it must be. The message is to
/// follow the peer's name or address: what was found, what was expected.
/// </summary>
internal sealed class TlsException(string message, Exception? inner = null)
    : IOException(message, inner);
