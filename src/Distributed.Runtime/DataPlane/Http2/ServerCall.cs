using Grpc.Core;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// A call that has come in: one stream of a connection until it ends. Used by one thread at a time.
/// </summary>
internal sealed class ServerCall(Http2Connection connection)
{
    private bool _isBegun;
    private bool _isEnded;

    internal Http2Connection Connection => connection;

    internal IReadOnlyList<HeaderField> Headers { get; } = connection.Headers;

    internal string Path { get; } = connection.Headers.Find(":path") ?? "";

    /// <summary>Lets the caller know at once that it is listened to.</summary>
    internal void Begin()
    {
        _isBegun = true;
        connection.WriteHeaders(GrpcStatus.ResponseHeaders().ToBlock(), endStream: false);
        connection.TryFlush();
    }

    internal void End(StatusCode code, string detail) => End(new Status(code, detail));

    /// <summary>
    /// Tells the status and leaves the stream. A caller that still sends is asked to stop (RFC
    /// 9113, section 8.1). Does nothing where the call has ended before.
    /// </summary>
    internal void End(Status status) => End(
        _isBegun ? GrpcStatus.ToTrailers(status) : GrpcStatus.ToTrailersOnly(status));

    /// <summary>Answers with an HTTP status alone, as to one who does not speak gRPC.</summary>
    internal void EndWithHttpStatus(string status) =>
        End(new HpackEncoder().Add(":status", status).ToBlock());

    /// <summary>Leaves a stream that the caller has broken off, or must not have begun.</summary>
    internal void Drop(Http2Error? error = null)
    {
        if (_isEnded) return;
        _isEnded = true;
        if (error is not null) connection.WriteReset(error.Value);
        connection.CloseStream();
    }

    private void End(byte[] headers)
    {
        if (_isEnded) return;
        connection.WriteHeaders(headers, endStream: true);
        Drop(connection.IsHalfClosed ? null : Http2Error.None);
        connection.TryFlush();
    }
}
