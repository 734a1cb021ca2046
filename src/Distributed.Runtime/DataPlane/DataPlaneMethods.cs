using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Security;

namespace Distributed.Runtime.DataPlane;

/// <summary>The calls of data_plane.proto, as HTTP/2 names them.</summary>
internal static class DataPlaneMethods
{
    internal const string Service = "distributed.v1.DataPlane";

    internal const string Exchange = $"/{Service}/Exchange";

    internal const string FetchState = $"/{Service}/FetchState";

    /// <summary>The headers that open a call (gRPC over HTTP/2, "Requests").</summary>
    internal static byte[] Request(
        string path, string authority, RpcSecurity security, IReadOnlyList<HeaderField> metadata)
    {
        var headers = new HpackEncoder()
            .Add(":method", "POST")
            .Add(":scheme", security.HasTls ? "https" : "http")
            .Add(":path", path)
            .Add(":authority", authority)
            .Add("te", "trailers")
            .Add("content-type", GrpcStatus.ContentType)
            .Add("user-agent", "grpc-distributed");
        if (security.Token is { } token) headers.Add(AccessToken.HeaderName, token.Header);
        foreach (var field in metadata)
            headers.Add(field.Name, field.Value);
        return headers.ToBlock();
    }
}
