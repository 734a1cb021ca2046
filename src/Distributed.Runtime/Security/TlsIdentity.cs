using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Distributed.Runtime.Security;

/// <summary>
/// This node's certificate, and who signs those of its peers. Both sides of a connection show one.
/// Thread-safe.
/// </summary>
internal sealed class TlsIdentity
{
    private const SslProtocols Versions = SslProtocols.Tls12 | SslProtocols.Tls13;

    private readonly SslStreamCertificateContext _context;
    private readonly TlsAuthority _authority;

    /// <param name="certificate">With its private key.</param>
    /// <param name="between">The certificates between it and the authority.</param>
    /// <param name="authority">Who must have signed a peer's.</param>
    /// <param name="source">What errors call the certificate: its file.</param>
    internal TlsIdentity(
        X509Certificate2 certificate, X509Certificate2Collection between, TlsAuthority authority,
        string source)
    {
        Certificate = certificate;
        Between = between;
        Source = source;
        _authority = authority;
        _context = SslStreamCertificateContext.Create(certificate, between, offline: true);
    }

    internal X509Certificate2 Certificate { get; }

    internal X509Certificate2Collection Between { get; }

    internal string Source { get; }

    /// <exception cref="OperatingException">A file cannot be used; the message names it.
    /// </exception>
    internal static TlsIdentity Load(TlsSettings files)
    {
        AccessToken.RefuseStrangers(files.Key, "key file", "set security.tls.key to another");
        var authority = new TlsAuthority(
            Certificates(files.Authority, "security.tls.authority"),
            $"the authority in {files.Authority}");
        var between = Certificates(files.Certificate, "security.tls.certificate");
        between.RemoveAt(0);
        var certificate = WithKey(files);
        var source = $"the certificate in {files.Certificate}";
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        // What every peer would refuse is better refused where it can be mended.
        var problem = PeerCertificate.Problem(certificate, between, authority, name: null, now);
        return problem is null
            ? new TlsIdentity(certificate, between, authority, source)
            : throw new OperatingException(
                $"{source} (security.tls.certificate) would be refused by every peer: {problem}");
    }

    /// <exception cref="OperatingException">Clients would refuse the certificate.</exception>
    internal void RequireServing(string port)
    {
        var problem = PeerCertificate.ProblemOfServing(
            Certificate, Between, _authority, TimeProvider.System.GetUtcNow().UtcDateTime);
        if (problem is not null)
        {
            throw new OperatingException(
                $"{port} cannot be served with {Source} (security.tls.certificate): it {problem}");
        }
    }

    /// <summary>What is wrong with the certificate of a client; null for nothing.</summary>
    internal string? ProblemOfClient(X509Certificate? shown, X509Chain? sent) =>
        Problem(shown, sent, name: null);

    /// <summary>Makes a connection that was dialed one of TLS.</summary>
    /// <param name="stream">Of the connection; owned from now on.</param>
    /// <param name="host">As it was dialed: the server's certificate has to be for it.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="TlsException">The server is not who it must be.</exception>
    internal async Task<SslStream> ConnectAsync(
        Stream stream, string host, CancellationToken cancellation)
    {
        string? problem = null;
        var secure = new DialedStream(stream, NotTaken);
        try
        {
            await secure.AuthenticateAsClientAsync(
                ClientOptions(host, found => problem = found), cancellation)
                .ConfigureAwait(false);
            return secure;
        }
        catch (Exception failure) when (failure is AuthenticationException or IOException)
        {
            await secure.DisposeAsync().ConfigureAwait(false);
            throw Explained(failure, problem);
        }
        catch
        {
            await secure.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The same for a thread that may wait.</summary>
    internal SslStream Connect(Stream stream, string host)
    {
        string? problem = null;
        var secure = new SslStream(stream);
        try
        {
            secure.AuthenticateAsClient(ClientOptions(host, found => problem = found));
            return secure;
        }
        catch (Exception failure) when (failure is AuthenticationException or IOException)
        {
            secure.Dispose();
            throw Explained(failure, problem);
        }
        catch
        {
            secure.Dispose();
            throw;
        }
    }

    /// <summary>Makes a connection that was accepted one of TLS; blocks.</summary>
    /// <param name="stream">Of the connection; owned from now on.</param>
    /// <exception cref="TlsException">The client is not who it must be.</exception>
    internal SslStream Accept(Stream stream)
    {
        string? problem = null;
        var secure = new SslStream(stream);
        try
        {
            secure.AuthenticateAsServer(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = _context,
                ClientCertificateRequired = true,
                EnabledSslProtocols = Versions,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                AllowRenegotiation = false,
                RemoteCertificateValidationCallback = (_, shown, sent, _) =>
                    (problem = ProblemOfClient(shown, sent)) is null,
            });
            return secure;
        }
        catch (Exception failure) when (failure is AuthenticationException or IOException)
        {
            secure.Dispose();
            throw new TlsException(problem ?? failure.Message, failure);
        }
        catch
        {
            secure.Dispose();
            throw;
        }
    }

    /// <summary>Has Kestrel do the same.</summary>
    internal HttpsConnectionAdapterOptions KestrelOptions(bool asksForCertificate) => new()
    {
        ServerCertificate = Certificate,
        ServerCertificateChain = Between,
        SslProtocols = Versions,
        ClientCertificateMode = asksForCertificate
            ? ClientCertificateMode.RequireCertificate
            : ClientCertificateMode.NoCertificate,
        ClientCertificateValidation = (shown, sent, _) => ProblemOfClient(shown, sent) is null,
    };

    private SslClientAuthenticationOptions ClientOptions(string host, Action<string?> judged)
    {
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ClientCertificateContext = _context,
            EnabledSslProtocols = Versions,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            AllowRenegotiation = false,
            RemoteCertificateValidationCallback = (_, shown, sent, _) =>
            {
                var problem = Problem(shown, sent, host);
                judged(problem);
                return problem is null;
            },
        };
    }

    private string? Problem(X509Certificate? shown, X509Chain? sent, string? name)
    {
        var between = new X509Certificate2Collection();
        foreach (var element in sent?.ChainPolicy.ExtraStore ?? [])
            between.Add(element);
        return PeerCertificate.Problem(
            shown as X509Certificate2, between, _authority, name,
            TimeProvider.System.GetUtcNow().UtcDateTime);
    }

    private TlsException Explained(Exception failure, string? problem) => new(
        problem is not null
            ? $"is not who it must be: {problem}"
            : $"does not go on with TLS ({failure.Message}): expected a server of this"
                + $" cluster that takes {Source}", failure);

    /// <summary>
    /// With TLS 1.3 a client hears only after the handshake that its certificate was refused, if it
    /// hears at all.
    /// </summary>
    private TlsException NotTaken() => new(
        $"ended the connection before it answered: expected it to take {Source}; see"
        + " whether its security.tls.authority has signed that, for clients, and it is valid yet");

    private static X509Certificate2Collection Certificates(string path, string key)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPemFile(path);
        }
        catch (Exception failure) when (Failed(failure))
        {
            throw Unusable(path, key, "certificates", failure);
        }

        return found.Count > 0 ? found : throw Unusable(path, key, "certificates", failure: null);
    }

    private static X509Certificate2 WithKey(TlsSettings files)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        }
        catch (Exception failure) when (Failed(failure))
        {
            throw Unusable(
                files.Key, "security.tls.key",
                $"the private key, without a password, of the certificate in {files.Certificate}",
                failure);
        }
    }

    private static bool Failed(Exception failure) => failure is CryptographicException
        or IOException or UnauthorizedAccessException or ArgumentException;

    private static OperatingException Unusable(
        string path, string key, string expected, Exception? failure) => new(
        $"{path} cannot be used as {key} ({failure?.Message ?? "there is none in it"}): expected a"
        + $" PEM file with {expected}", inner: failure);
}
