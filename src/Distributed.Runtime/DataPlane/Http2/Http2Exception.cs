namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>The other side broke the protocol, which ends the connection.</summary>
/// <param name="error">What it is told, in a GOAWAY.</param>
/// <param name="what">What it sent, without a verb.</param>
internal sealed class Http2Exception(Http2Error error, string what)
    : IOException($"it sent {what} (HTTP/2 error {error})")
{
    internal Http2Error Error { get; } = error;
}
