using System.Net;
using System.Net.Sockets;
using Distributed.Kernel;
using Microsoft.AspNetCore.Connections;

namespace Distributed.Runtime.Rpc;

/// <summary>Says in one line why an address cannot be listened at, and what to do.</summary>
public static class ListenErrors
{
    /// <summary>Whether another program listens there already.</summary>
    /// <param name="failure">What listening threw.</param>
    public static bool IsInUse(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is AddressInUseException
                or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse })
                return true;
        }

        return false;
    }

    /// <summary>Null where the failure is none of the operator's.</summary>
    /// <param name="failure">What listening threw.</param>
    /// <param name="address">Where.</param>
    /// <param name="portKey">The setting that names another port.</param>
    internal static OperatingException? Explain(
        Exception failure, IPEndPoint address, string portKey = "remote.port")
    {
        if (IsInUse(failure)) return InUse(failure, address, portKey);
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is not SocketException socket) continue;
            switch (socket.SocketErrorCode)
            {
                case SocketError.AccessDenied:
                    return new OperatingException(
                        $"this user may not listen at {address}: choose a port of 1024 or more",
                        inner: failure);
                case SocketError.AddressNotAvailable:
                    return new OperatingException(
                        $"{address.Address} is not an address of this machine: bind one of its"
                        + " own, or 0.0.0.0 for all", inner: failure);
            }
        }

        return null;
    }

    private static OperatingException InUse(
        Exception failure, IPEndPoint address, string portKey) => new(
        $"cannot listen at {address}: the port is in use, perhaps by another coordinator or worker"
        + $" (ss -ltnp 'sport = :{address.Port}' names it): stop that, or take any free port with"
        + $" --set {portKey}=0",
        inner: failure);
}
