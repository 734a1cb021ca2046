using Distributed.Runtime.Security;

namespace Distributed.Runtime.Tests.Security;

/// <summary>Securities of a token alone.</summary>
internal static class Tokens
{
    internal static RpcSecurity New() => With(AccessToken.Draw());

    internal static RpcSecurity With(string token) =>
        new(AccessToken.Parse(token, "the test"), tls: null);
}
