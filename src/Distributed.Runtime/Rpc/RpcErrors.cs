using System.Net.Sockets;
using Distributed.Kernel;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.Rpc;

/// <summary>Says in one line why a call failed and what to do.</summary>
public static class RpcErrors
{
    private const string UnknownName = "no machine is known by the name in";

    /// <summary><paramref name="what"/> completes "could not …".</summary>
    public static OperatingException Explain(
        RpcException failure, string address, string what, TimeSpan deadline)
    {
        var reason = failure.StatusCode switch
        {
            _ when Unreachable(failure) is { } unreachable =>
                $"{unreachable} {address}: start the server there, or correct the address",
            _ when Distrust(failure) is { } distrust => $"{address} {distrust}",
            _ when IsOtherProtocol(failure) =>
                $"{address} does not answer as a node of this program does: expected a coordinator"
                + " or worker there; one that asks for TLS needs security.tls here too",
            StatusCode.DeadlineExceeded =>
                $"{address} did not answer within {deadline.TotalSeconds:0.###} s: it is"
                + " overloaded or hangs; look at its log",
            StatusCode.Unimplemented =>
                $"the server at {address} does not know this call ({Detail(failure)}): run the"
                + " same version of the program on both sides",
            StatusCode.Unavailable =>
                $"the connection to {address} broke: {Detail(failure)}: see whether the server"
                + " there still runs",
            _ => $"{address} refused: {Detail(failure)}",
        };
        return new OperatingException($"could not {what}: {reason}", inner: failure);
    }

    /// <summary>The server's own words, or the status where it gave none; one line.</summary>
    public static string Detail(RpcException failure) => Detail(failure.Status);

    internal static string Detail(Status status)
    {
        var detail = status.Detail.ReplaceLineEndings(" ").Trim();
        return detail.Length > 0 ? detail : $"status {status.StatusCode}";
    }

    /// <summary>Why the two sides do not trust each other, to follow the address; else null.
    /// </summary>
    internal static string? Distrust(RpcException failure) =>
        Causes(failure).OfType<TlsException>().FirstOrDefault()?.Message;

    /// <summary>Whether what answers speaks something else, such as TLS, or not TLS.</summary>
    private static bool IsOtherProtocol(RpcException failure) =>
        Causes(failure).OfType<HttpRequestException>().Any(
            cause => cause.HttpRequestError == HttpRequestError.InvalidResponse
                || cause.Message.Contains("the HTTP/2 handshake", StringComparison.Ordinal));

    private static IEnumerable<Exception> Causes(RpcException failure)
    {
        for (var cause = failure.Status.DebugException;
            cause is not null;
            cause = cause.InnerException)
        {
            yield return cause;
        }
    }

    /// <summary>"nothing listens at" and its kin when no connection was made, else null.</summary>
    internal static string? Unreachable(RpcException failure)
    {
        if (failure.StatusCode != StatusCode.Unavailable) return null;
        foreach (var cause in Causes(failure))
        {
            switch (cause)
            {
                case HttpRequestException
                {
                    HttpRequestError: HttpRequestError.NameResolutionError
                }:
                    return UnknownName;
                case SocketException socket:
                    return Unreachable(socket.SocketErrorCode);
            }
        }

        return null;
    }

    /// <summary>"nothing listens at" and its kin, to be followed by the address.</summary>
    internal static string? Unreachable(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => "nothing listens at",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => UnknownName,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => "no route leads to",
        SocketError.TimedOut => "nothing answers at",
        _ => null,
    };
}
