using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Distributed.Kernel;

namespace Distributed.Runtime.Rpc;

/// <summary>
/// Reads "host:port" as people write it: names, IPv4, [IPv6], * for every interface.
/// </summary>
public static class RpcAddress
{
    /// <summary>The host and the port of an address; the host without brackets.</summary>
    public static (string Host, int Port) Split(string address)
    {
        var colon = address.LastIndexOf(':');
        var host = colon > 0 ? address[..colon] : "";
        var bracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (bracketed) host = host[1..^1];
        var valid = host.Length > 0
            && (bracketed || !host.Contains(':', StringComparison.Ordinal))
            && int.TryParse(
                address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        if (!valid || !int.TryParse(address.AsSpan(colon + 1), out var port) || port > 65_535)
        {
            throw new OperatingException(
                $"\"{address}\" is not an address: expected host:port, as in 127.0.0.1:4053 or"
                + " [::1]:4053; port 0 takes any free one");
        }

        return (host, port);
    }

    /// <summary>Whether the address cannot be another machine's. Names are not looked up.</summary>
    public static bool IsLoopback(string address)
    {
        var host = Split(address).Host;
        return host == "localhost"
            || (IPAddress.TryParse(host, out var known) && IPAddress.IsLoopback(known));
    }

    /// <summary>The end point to listen at; a name is looked up.</summary>
    public static async Task<IPEndPoint> ResolveAsync(
        string address, CancellationToken cancellation = default)
    {
        var (host, port) = Split(address);
        if (host is "*" or "+") return new IPEndPoint(IPAddress.Any, port);
        if (host == "localhost") return new IPEndPoint(IPAddress.Loopback, port);
        if (IPAddress.TryParse(host, out var known)) return new IPEndPoint(known, port);
        try
        {
            var found = await Dns.GetHostAddressesAsync(host, cancellation).ConfigureAwait(false);
            var first = found.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork)
                ?? found[0];
            return new IPEndPoint(first, port);
        }
        catch (SocketException unknown)
        {
            throw new OperatingException(
                $"no address is known for the host name {host}: check its spelling, or write an"
                + " IP address", inner: unknown);
        }
    }
}
