using System.Globalization;
using System.Text;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// The status of a call as trailers carry it (gRPC over HTTP/2, "Status" and "Status-Message").
/// </summary>
internal static class GrpcStatus
{
    internal const string ContentType = "application/grpc";

    private const string CodeKey = "grpc-status";
    private const string DetailKey = "grpc-message";

    /// <summary>Longer details are cut, so that trailers stay far below header limits.</summary>
    private const int DetailBytesMax = 2048;

    internal static byte[] ToTrailers(Status status) => Add(new HpackEncoder(), status).ToBlock();

    /// <summary>An answer that consists of its end alone ("Trailers-Only").</summary>
    internal static byte[] ToTrailersOnly(Status status) =>
        Add(ResponseHeaders(), status).ToBlock();

    internal static HpackEncoder ResponseHeaders() => new HpackEncoder()
        .Add(":status", "200")
        .Add("content-type", ContentType)
        .Add("grpc-accept-encoding", "identity");

    /// <summary>
    /// Null where these headers are a response's beginning. An answer that is not gRPC's gets the
    /// status that "HTTP to gRPC Status Code Mapping" gives it.
    /// </summary>
    internal static Status? Read(IReadOnlyList<HeaderField> headers)
    {
        if (headers.Find(CodeKey) is { } code)
        {
            return int.TryParse(code, CultureInfo.InvariantCulture, out var number)
                ? new Status((StatusCode)number, Unescape(headers.Find(DetailKey) ?? ""))
                : new Status(StatusCode.Unknown, $"grpc-status is {code}");
        }

        var http = headers.Find(":status");
        if (http is null)
            return new Status(StatusCode.Internal, "the call ended without a status");
        return http == "200" ? null : new Status(FromHttp(http), $"HTTP status {http}");
    }

    /// <summary>The status as it is written into headers.</summary>
    internal static IEnumerable<HeaderField> Fields(Status status)
    {
        yield return new HeaderField(
            CodeKey, ((int)status.StatusCode).ToString(CultureInfo.InvariantCulture));
        if (status.Detail.Length > 0)
            yield return new HeaderField(DetailKey, Escape(status.Detail));
    }

    internal static bool IsGrpc(string? contentType) =>
        contentType is not null
        && contentType.StartsWith(ContentType, StringComparison.Ordinal)
        && (contentType.Length == ContentType.Length
            || contentType[ContentType.Length] is '+' or ';');

    private static HpackEncoder Add(HpackEncoder headers, Status status)
    {
        foreach (var field in Fields(status))
            headers.Add(field.Name, field.Value);
        return headers;
    }

    private static StatusCode FromHttp(string http) => http switch
    {
        "400" => StatusCode.Internal,
        "401" => StatusCode.Unauthenticated,
        "403" => StatusCode.PermissionDenied,
        "404" => StatusCode.Unimplemented,
        "429" or "502" or "503" or "504" => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    /// <summary>Percent-encoding of all but printable ASCII.</summary>
    private static string Escape(string detail)
    {
        var text = new StringBuilder();
        foreach (var value in Encoding.UTF8.GetBytes(detail).AsSpan())
        {
            if (text.Length >= DetailBytesMax) break;
            if (value is >= (byte)' ' and <= (byte)'~' and not (byte)'%')
                text.Append((char)value);
            else
                text.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
        }

        return text.ToString();
    }

    /// <summary>What is not a valid escape stays as it is.</summary>
    private static string Unescape(string text)
    {
        var bytes = new List<byte>(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '%' && at + 2 < text.Length && byte.TryParse(
                text.AsSpan(at + 1, 2), NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                at += 2;
            }
            else
            {
                bytes.Add((byte)text[at]);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
