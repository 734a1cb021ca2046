using System.Net;
using Distributed.Kernel;

namespace Distributed.Runtime.Security;

/// <summary>Whether a port may be opened, and why or why not; where not, what to do.</summary>
public sealed record PortDecision(bool IsAllowed, string Reason);

/// <summary>
/// The one rule for every port that listens: this host may always come in; others only where
/// callers show a token or a certificate.
/// </summary>
public static class PortSafety
{
    /// <param name="port">What is to be opened, as an error calls it: "the dashboard".</param>
    /// <param name="address">What is to be listened at; a name has been looked up.</param>
    /// <param name="hasToken">Whether callers must show the cluster's token.</param>
    /// <param name="hasCertificates">Whether callers must show a certificate.</param>
    public static PortDecision Decide(
        string port, IPEndPoint address, bool hasToken, bool hasCertificates)
    {
        if (IsLoopback(address.Address))
            return new PortDecision(true, $"{port} at {address} is for this host alone");
        if (hasToken || hasCertificates)
        {
            var shown = (hasToken, hasCertificates) switch
            {
                (true, true) => "the cluster's token and a certificate",
                (true, false) => "the cluster's token",
                _ => "a certificate of the cluster's authority",
            };
            return new PortDecision(true, $"callers of {port} at {address} show {shown}");
        }

        return new PortDecision(
            false,
            $"{port} at {address} could be reached from other hosts, by anybody: expected a token"
            + " or certificates before a port is opened to them; run ./distributed token new FILE"
            + " and set security.token-file (or security.tls) alike on all nodes, or listen at"
            + " 127.0.0.1");
    }

    /// <summary>Also of IPv4 addresses that are written as those of IPv6.</summary>
    public static bool IsLoopback(IPAddress address) => IPAddress.IsLoopback(
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <exception cref="OperatingException">It may not be opened, or not with this
    /// certificate.</exception>
    public static void Require(string port, IPEndPoint address, RpcSecurity security)
    {
        var decision = Decide(port, address, security.Token is not null, security.HasTls);
        if (!decision.IsAllowed)
            throw new OperatingException(decision.Reason, ExitCodes.BadUsage);
        security.Tls?.RequireServing(port);
    }
}
