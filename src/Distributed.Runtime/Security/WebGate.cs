using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;

namespace Distributed.Runtime.Security;

/// <summary>
/// Decides on every request to a port that browsers call. Pages of other sites must not reach it
/// through a visitor's browser: neither under a name of theirs that leads to this host (the Host
/// header), nor by sending what changes something (the Origin header). And where the cluster has a
/// token, a request brings it: as "Authorization: Bearer", or in the cookie that
/// <c>?token=TOKEN</c> has set once.
/// </summary>
internal sealed class WebGate(RpcSecurity security)
{
    private const string TokenKey = "token";
    private const string CookiePrefix = "distributed-session-";

    private static readonly TimeSpan SessionTime = TimeSpan.FromDays(7);

    internal Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (HostProblem(context.Connection.LocalIpAddress, request.Host) is { } host)
            return RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, host);
        if (OriginProblem(request) is { } origin)
            return RefuseAsync(context, StatusCodes.Status403Forbidden, origin);
        if (security.Token is not { } token || IsKnown(context, token)) return next(context);
        if (HttpMethods.IsGet(request.Method)
            && request.Query[TokenKey] is { Count: 1 } given && token.Matches(given[0]))
        {
            LogIn(context, token);
            return Task.CompletedTask;
        }

        context.Response.Headers.WWWAuthenticate = "Bearer";
        return RefuseAsync(
            context, StatusCodes.Status401Unauthorized,
            "This cluster asks for its token: open this page once as ?token=TOKEN, or send the"
            + " header \"Authorization: Bearer TOKEN\".");
    }

    /// <summary>
    /// A name that a stranger has led to this host is not one of this host's. A port that others
    /// reach has names that are not known here, but also a token or certificates.
    /// </summary>
    internal static string? HostProblem(IPAddress? local, HostString host)
    {
        if (local is null || !PortSafety.IsLoopback(local)) return null;
        var name = host.Host.Trim('[', ']');
        return name == "localhost" || name.EndsWith(".localhost", StringComparison.Ordinal)
            || (IPAddress.TryParse(name, out var address) && PortSafety.IsLoopback(address))
            ? null
            : "This port is this host's alone: open it as localhost or 127.0.0.1.";
    }

    /// <summary>
    /// What changes something, or opens a socket that could, comes from a page of this port or
    /// from no page at all.
    /// </summary>
    internal static string? OriginProblem(HttpRequest request)
    {
        var isHarmless = (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)
            || HttpMethods.IsOptions(request.Method)) && request.Headers.Upgrade.Count == 0;
        if (isHarmless) return null;
        var headers = request.Headers;
        var isForeign = headers.Origin.Count > 0
            ? headers.Origin != $"{request.Scheme}://{request.Host.ToUriComponent()}"
            : headers["Sec-Fetch-Site"] is { Count: > 0 } site && site != "same-origin"
                && site != "none";
        return isForeign
            ? "What changes something has to come from a page of this port: expected its own"
                + " Origin."
            : null;
    }

    private static bool IsKnown(HttpContext context, AccessToken token) =>
        context.Request.Headers.Authorization is { Count: 1 } header && token.IsIn(header[0])
        || token.MatchesSession(context.Request.Cookies[CookieName(context)]);

    /// <summary>
    /// Keeps a cookie in place of the token, and has the browser forget the address that holds it.
    /// </summary>
    private static void LogIn(HttpContext context, AccessToken token)
    {
        var request = context.Request;
        context.Response.Cookies.Append(CookieName(context), token.Session, new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = request.IsHttps,
            Path = "/",
            MaxAge = SessionTime,
        });
        var rest = new QueryBuilder(request.Query.Where(pair => pair.Key != TokenKey));
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        // In full: a path that begins with two slashes alone would lead to another host.
        context.Response.Headers.Location = UriHelper.BuildAbsolute(
            request.Scheme, request.Host, request.PathBase, request.Path, rest.ToQueryString());
    }

    /// <summary>Cookies do not know ports: each port of a host has a name of its own.</summary>
    private static string CookieName(HttpContext context) =>
        CookiePrefix + context.Connection.LocalPort.ToString(CultureInfo.InvariantCulture);

    private static Task RefuseAsync(HttpContext context, int status, string why)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync(why + "\n", context.RequestAborted);
    }
}
