using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Runtime.Versioning;
using Distributed.Cluster.Configuration;
using Distributed.Runtime.Security;

namespace Distributed.Runtime.Tests.Security;

/// <summary>Signs certificates as a lab's administrator would.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class TestAuthority : IDisposable
{
    internal const string Local = "127.0.0.1";
    internal const string ForServers = "1.3.6.1.5.5.7.3.1";
    internal const string ForClients = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _certificate;

    internal TestAuthority(string name = "lab")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _certificate = request.CreateSelfSigned(Now.AddYears(-1), Now.AddYears(1));
        Name = name;
    }

    internal string Name { get; }

    internal TlsAuthority Authority => new(
        [X509CertificateLoader.LoadCertificate(_certificate.RawData)],
        $"the authority {Name}");

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public void Dispose() => _certificate.Dispose();

    internal X509Certificate2 Issue(
        string name = Local, int validDays = 30, params string[] usages)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address)) names.AddIpAddress(address);
        else names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        if (usages.Length > 0)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
                [.. usages.Select(usage => new Oid(usage))], critical: false));
        }

        var serial = RandomNumberGenerator.GetBytes(8);
        using var signed = request.Create(
            _certificate, Now.AddDays(-60), Now.AddDays(validDays), serial);
        return signed.CopyWithPrivateKey(key);
    }

    /// <summary>A node with this certificate that trusts this authority.</summary>
    internal RpcSecurity Node(X509Certificate2 certificate, AccessToken? token = null) => new(
        token, new TlsIdentity(certificate, [], Authority, $"the certificate of {Name}"));

    internal RpcSecurity Node() => Node(Issue());

    internal TlsSettings WriteFiles(string folder, X509Certificate2 certificate)
    {
        var files = new TlsSettings
        {
            Certificate = Path.Combine(folder, "node.pem"),
            Key = Path.Combine(folder, "node.key"),
            Authority = Path.Combine(folder, "authority.pem"),
        };
        File.WriteAllText(files.Certificate, certificate.ExportCertificatePem());
        using var key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(files.Key, key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(files.Key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(files.Authority, _certificate.ExportCertificatePem());
        return files;
    }
}
