using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Distributed.Runtime.Security;

/// <summary>Judges the certificate that a peer shows.</summary>
internal static class PeerCertificate
{
    private const string ForServers = "1.3.6.1.5.5.7.3.1";
    private const string ForClients = "1.3.6.1.5.5.7.3.2";

    /// <summary>What keeps a certificate from being a server's; null for nothing.</summary>
    internal static string? ProblemOfServing(
        X509Certificate2 own, X509Certificate2Collection between, TlsAuthority authority,
        DateTime now) => ChainProblem(own, between, authority, isServer: true, now);

    /// <summary>Null where the certificate is right, else what it is and what was expected.
    /// </summary>
    /// <param name="shown">The peer's; null where it has shown none.</param>
    /// <param name="sent">What came along: those between it and the authority.</param>
    /// <param name="authority">Who must have signed it.</param>
    /// <param name="name">The host name or address that a server was dialed by; null for a client,
    /// whose name does not matter.</param>
    /// <param name="now">In UTC.</param>
    internal static string? Problem(
        X509Certificate2? shown, X509Certificate2Collection sent, TlsAuthority authority,
        string? name, DateTime now)
    {
        if (shown is null)
            return "it shows no certificate: expected one that is signed by " + authority;
        var whose = $"its certificate ({Subject(shown)})";
        if (now > shown.NotAfter.ToUniversalTime())
            return $"{whose} expired on {shown.NotAfter.ToUniversalTime():u}: expected a new one";
        if (now < shown.NotBefore.ToUniversalTime())
        {
            return $"{whose} is not valid before {shown.NotBefore.ToUniversalTime():u}: expected"
                + " one that is; compare the clocks";
        }

        if (ChainProblem(shown, sent, authority, name is not null, now) is { } chain)
            return $"{whose} {chain}";
        return name is null || shown.MatchesHostname(name, allowCommonName: false)
            ? null
            : $"{whose} is not for {name}: expected that among its alternative names"
                + $" ({Names(shown)})";
    }

    private static string? ChainProblem(
        X509Certificate2 shown, X509Certificate2Collection sent, TlsAuthority authority,
        bool isServer, DateTime now)
    {
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(authority.Certificates);
        policy.ExtraStore.AddRange(sent);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.VerificationTime = now;
        policy.VerificationTimeIgnored = false;
        policy.ApplicationPolicy.Add(new Oid(isServer ? ForServers : ForClients));
        if (chain.Build(shown)) return null;
        var found = chain.ChainStatus.Aggregate(
            X509ChainStatusFlags.NoError, (flags, status) => flags | status.Status);
        return found.HasFlag(X509ChainStatusFlags.NotValidForUsage)
            ? $"is not one of a {(isServer ? "server" : "client")}: expected that among its"
                + " extended key usages, or none of these"
            : $"does not lead to an authority that is trusted here ({found}): expected one that is"
                + $" signed by {authority}";
    }

    private static string Subject(X509Certificate2 certificate) =>
        certificate.Subject.Length > 0 ? certificate.Subject : "without a subject";

    private static string Names(X509Certificate2 certificate)
    {
        var alternatives = certificate.Extensions
            .OfType<X509SubjectAlternativeNameExtension>().ToList();
        var names = alternatives.SelectMany(known => known.EnumerateDnsNames())
            .Concat(alternatives.SelectMany(known => known.EnumerateIPAddresses())
                .Select(address => $"{address}")).ToList();
        return names.Count > 0 ? string.Join(", ", names) : "it has none";
    }
}

/// <summary>Who signs the certificates of a cluster.</summary>
/// <param name="Certificates">Trusted, and nobody else.</param>
/// <param name="Source">What errors call it: the file.</param>
internal sealed record TlsAuthority(X509Certificate2Collection Certificates, string Source)
{
    public override string ToString() => Source;
}
