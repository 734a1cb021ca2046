using System.Net;
using System.Net.Sockets;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// Connects to a server, or says within a moment that it cannot. Blocks: a socket that was
/// connected asynchronously stays known to the class library's event loop, which would wake at
/// every byte.
/// </summary>
internal static class ChannelDialer
{
    private const int ConnectTimeMs = 1500;

    /// <summary>How soon a cancellation is noticed.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(20);

    /// <exception cref="SocketException">No connection was made.</exception>
    /// <exception cref="TlsException">The server is not who it must be.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal static ByteChannel Dial(
        string address, RpcSecurity security, CancellationToken cancellation)
    {
        var (host, port) = RpcAddress.Split(address);
        var channel = Dial(host, port, cancellation);
        return security.Tls is { } tls
            ? TlsTunnel.Connect(channel, tls, host, cancellation)
            : channel;
    }

    private static ByteChannel Dial(string host, int port, CancellationToken cancellation)
    {
        var deadlineMs = Environment.TickCount64 + ConnectTimeMs;
        IPAddress[] places = IPAddress.TryParse(host, out var known)
            ? [known]
            : Dns.GetHostAddresses(host);
        for (var place = 0; ; place++)
        {
            try
            {
                return Dial(new IPEndPoint(places[place], port), deadlineMs, cancellation);
            }
            catch (SocketException) when (place + 1 < places.Length)
            {
                // A host may listen at some of its addresses alone.
            }
        }
    }

    private static ByteChannel Dial(
        IPEndPoint place, long deadlineMs, CancellationToken cancellation)
    {
        var socket = new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var channel = new ByteChannel(socket);
        try
        {
            channel.TuneWithinOneMachine(place.Address);
            socket.Blocking = false;
            Begin(socket, place);
            while (!channel.Wait(ByteChannel.Writable, Slice))
            {
                cancellation.ThrowIfCancellationRequested();
                if (Environment.TickCount64 >= deadlineMs)
                    throw new SocketException((int)SocketError.TimedOut);
            }

            var error = (int)socket.GetSocketOption(
                SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (error != 0) throw new SocketException(error);
            // A dial of a free port in the ephemeral range can meet itself.
            if (place.Equals(socket.LocalEndPoint))
                throw new SocketException((int)SocketError.ConnectionRefused);
            return channel;
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    private static void Begin(Socket socket, IPEndPoint place)
    {
        try
        {
            socket.Connect(place);
        }
        catch (SocketException begun) when (begun.SocketErrorCode is
            SocketError.WouldBlock or SocketError.InProgress)
        {
            // The socket becomes writable when it is decided.
        }
    }
}
