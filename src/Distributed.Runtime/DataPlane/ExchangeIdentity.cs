using System.Globalization;
using Distributed.Runtime.DataPlane.Http2;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>Whose frames a call carries, to whom, and in which generation of which job.</summary>
internal readonly record struct ExchangeIdentity(
    ulong Job, int Generation, int FromRank, int ToRank)
{
    internal const string JobKey = "distributed-job";
    internal const string GenerationKey = "distributed-generation";
    internal const string FromRankKey = "distributed-from-rank";
    internal const string ToRankKey = "distributed-to-rank";

    internal IReadOnlyList<HeaderField> ToHeaders() =>
    [
        new(JobKey, Job.ToString(CultureInfo.InvariantCulture)),
        new(GenerationKey, Generation.ToString(CultureInfo.InvariantCulture)),
        new(FromRankKey, FromRank.ToString(CultureInfo.InvariantCulture)),
        new(ToRankKey, ToRank.ToString(CultureInfo.InvariantCulture)),
    ];

    /// <exception cref="RpcException">A header is missing or is no number.</exception>
    internal static ExchangeIdentity Read(IReadOnlyList<HeaderField> headers) => new(
        Number<ulong>(headers, JobKey),
        Number<int>(headers, GenerationKey),
        Number<int>(headers, FromRankKey),
        Number<int>(headers, ToRankKey));

    private static T Number<T>(IReadOnlyList<HeaderField> headers, string key)
        where T : IParsable<T>
    {
        var text = headers.Find(key);
        if (T.TryParse(text, CultureInfo.InvariantCulture, out var number)) return number;
        throw new RpcException(new Status(
            StatusCode.InvalidArgument,
            $"metadata {key} is {text ?? "missing"}: expected a decimal number"));
    }
}
