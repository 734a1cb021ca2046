using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Runtime.Security;

/// <summary>
/// What this process asks of those who call its ports, and shows where it calls itself: a token, a
/// certificate, both, or nothing. Everything that listens or dials is given one. Immutable and
/// thread-safe.
/// </summary>
public sealed class RpcSecurity
{
    /// <summary>Nothing is asked or shown: for ports of this host alone.</summary>
    public static readonly RpcSecurity None = new(token: null, tls: null);

    internal RpcSecurity(AccessToken? token, TlsIdentity? tls) => (Token, Tls) = (token, tls);

    public AccessToken? Token { get; }

    /// <summary>Whether ports speak TLS, and callers show a certificate.</summary>
    public bool HasTls => Tls is not null;

    internal TlsIdentity? Tls { get; }

    /// <summary>Reads the files that the settings name, now and once.</summary>
    /// <param name="settings">Of the configuration.</param>
    /// <param name="tokenVariable">What <see cref="AccessToken.Variable"/> holds; null or empty
    /// where it is not set.</param>
    /// <exception cref="OperatingException">A file cannot be used; the message names it.
    /// </exception>
    public static RpcSecurity Load(SecuritySettings settings, string? tokenVariable)
    {
        var token = !string.IsNullOrEmpty(tokenVariable)
            ? AccessToken.Parse(tokenVariable, $"the variable {AccessToken.Variable}")
            : settings.TokenFile.Length > 0 ? AccessToken.Load(settings.TokenFile) : null;
        var tls = settings.Tls.Certificate.Length > 0 ? TlsIdentity.Load(settings.Tls) : null;
        return token is null && tls is null ? None : new RpcSecurity(token, tls);
    }

    /// <summary>What is wrong with a call that carries this header; null for nothing.</summary>
    internal string? Refusal(string? authorization) => authorization switch
    {
        _ when Token is null || Token.IsIn(authorization) => null,
        null => "this cluster asks for a token: expected the metadata \"authorization: Bearer"
            + $" TOKEN\"; set security.token-file or {AccessToken.Variable} as the server has it",
        _ => "this is not the token of this cluster: expected security.token-file or"
            + $" {AccessToken.Variable} as the server has it",
    };
}
