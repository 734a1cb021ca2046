using Distributed.Runtime.DataPlane.Http2;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Distributed.Runtime.Security;

/// <summary>
/// Stands before all methods of a gRPC server, those that it does not know included, so that none
/// can be forgotten: a call without the token ends as UNAUTHENTICATED before anything reads it.
/// </summary>
internal static class TokenGate
{
    /// <summary>Load balancers ask whether a server lives; it tells nothing else.</summary>
    private static readonly PathString Health = "/grpc.health.v1.Health";

    internal static Func<HttpContext, RequestDelegate, Task> For(RpcSecurity security) =>
        (context, next) =>
        {
            var request = context.Request;
            if (request.Path.StartsWithSegments(Health)) return next(context);
            var shown = request.Headers.Authorization;
            var refusal = security.Refusal(shown.Count > 0 ? shown[0] : null);
            return refusal is null ? next(context) : Refuse(context.Response, refusal);
        };

    /// <summary>An answer that consists of its end alone ("Trailers-Only").</summary>
    private static Task Refuse(HttpResponse response, string refusal)
    {
        response.ContentType = GrpcStatus.ContentType;
        foreach (var field in GrpcStatus.Fields(
            new Status(StatusCode.Unauthenticated, refusal)))
        {
            response.Headers[field.Name] = field.Value;
        }

        return Task.CompletedTask;
    }
}
