using System.Net;
using System.Net.Sockets;
using Distributed.Kernel;
using Microsoft.AspNetCore.Connections;

namespace Distributed.Runtime.Rpc;

/// <summary>Says in one line why an address cannot be listened at, and what to do.</summary>
internal static class ListenErrors
{
    /// <summary>Null where the failure is none of the operator's.</summary>
    /// <param name="failure">What listening threw.</param>
    /// <param name="address">Where.</param>
    /// <param name="portKey">The setting that names another port.</param>
    internal static OperatingException? Explain(
        Exception failure, IPEndPoint address, string portKey = "remote.port")
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is AddressInUseException) return InUse(failure, address, portKey);
            if (cause is not SocketException socket) continue;
            switch (socket.SocketErrorCode)
            {
                case SocketError.AddressAlreadyInUse:
                    return InUse(failure, address, portKey);
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
